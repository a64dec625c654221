#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace byon::auth {

// kAkaV1Md5: MD5 with the RES of an ISIM as password (RFC 3310).
enum class DigestAlgorithm : uint8_t { kMd5, kSha256, kAkaV1Md5 };

// One WWW-Authenticate or Proxy-Authenticate challenge of scheme Digest (RFC 7616 section 3.3).
struct DigestChallenge {
  std::string realm;
  std::string nonce;
  std::string opaque;  // empty: absent
  DigestAlgorithm algorithm = DigestAlgorithm::kMd5;
  bool has_algorithm = false;
  bool has_qop_auth = false;  // false: no qop at all, the RFC 2069 form
  bool is_stale = false;

  bool operator==(const DigestChallenge&) const = default;
};

// Parses a header value ("Digest realm=...,nonce=..."). Nothing when it is not Digest, lacks realm or
// nonce, or asks for an algorithm or qop that we do not have.
[[nodiscard]] std::optional<DigestChallenge> ParseDigestChallenge(std::string_view header_value);

// Computes the answers to one challenge; the nonce count starts at 1 for each nonce (RFC 7616
// section 3.4). A plain value: copy it, keep it, restore it.
class DigestSession {
 public:
  DigestSession() = default;
  explicit DigestSession(DigestChallenge challenge, uint32_t last_nonce_count = 0)
      : challenge_(std::move(challenge)), nonce_count_(last_nonce_count) {}

  // The value of Authorization or Proxy-Authorization for this request. `cnonce`: fresh random text
  // of the caller, token characters only.
  [[nodiscard]] std::string Authorize(std::string_view method, std::string_view uri, std::string_view username,
                                      std::string_view password, std::string_view cnonce);

  // Tells the network the card's sequence number instead of an answer: the password is empty (RFC
  // 3310 section 3.4). `auts`: 14 bytes.
  [[nodiscard]] std::string AuthorizeResync(std::string_view method, std::string_view uri, std::string_view username,
                                            std::string_view auts, std::string_view cnonce);
  // Says that the challenge was not the network's: no response (TS 24.229 section 5.1.1.5.3).
  [[nodiscard]] std::string RefuseChallenge(std::string_view uri, std::string_view username) const;

  const DigestChallenge& challenge() const { return challenge_; }
  uint32_t nonce_count() const { return nonce_count_; }

 private:
  DigestChallenge challenge_;
  uint32_t nonce_count_ = 0;
};

// The hash in lower-case hex, as the digest schemes write it.
[[nodiscard]] std::string DigestHex(DigestAlgorithm algorithm, std::string_view text);

}  // namespace byon::auth
