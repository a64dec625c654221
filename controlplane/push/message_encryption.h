#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace byon::push {

inline constexpr size_t kP256PointBytes = 65;   // uncompressed, SEC 1 section 2.3.3
inline constexpr size_t kAuthSecretBytes = 16;  // RFC 8291 section 3.2
// A push service need not take more than 4096 bytes (RFC 8030 section 7.2), of which header and tag take 103
// (RFC 8291 section 4).
inline constexpr size_t kMaxMessageBytes = 3993;

// Whether the bytes are an uncompressed point of P-256.
[[nodiscard]] bool IsP256Point(std::string_view bytes);

// The key pair that a message is encrypted with; a fresh one for each message.
class EphemeralKey {
 public:
  static EphemeralKey Generate();
  // `private_key`: 32 bytes, big-endian; `public_point`: its point. For test vectors.
  static EphemeralKey From(std::string_view private_key, std::string_view public_point);

  const std::string& public_point() const { return public_point_; }
  // The x coordinate of the shared point; nothing when the peer's point is none.
  [[nodiscard]] std::optional<std::string> SharedSecret(std::string_view peer_point) const;

 private:
  EphemeralKey(std::shared_ptr<evp_pkey_st> key, std::string public_point)
      : key_(std::move(key)), public_point_(std::move(public_point)) {}

  std::shared_ptr<evp_pkey_st> key_;
  std::string public_point_;
};

// What a browser gave with its subscription.
struct Receiver {
  std::string p256dh;  // its public point
  std::string auth;    // its authentication secret
};

// The body of a push message: one record of aes128gcm, padded to `padded_bytes` (or not at all when the text is
// longer). `salt`: 16 random bytes. Nothing when the receiver's point is none or the text is longer than
// kMaxMessageBytes. RFC 8291 section 3.4.
[[nodiscard]] std::optional<std::string> EncryptMessage(std::string_view text, const Receiver& receiver,
                                                        const EphemeralKey& key, std::string_view salt,
                                                        size_t padded_bytes);

}  // namespace byon::push
