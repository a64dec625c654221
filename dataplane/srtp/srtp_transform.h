#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/base/bytes.h"
#include "dataplane/srtp/srtp_keying.h"

namespace byon::srtp {

enum class SrtpBackend : uint8_t {
  kIpsecMb,  // Intel ipsec-mb: amd64 only, batches AES-CM with HMAC-SHA1 over sessions
  kOpenSsl,  // EVP ciphers: everywhere
};

// The fastest backend of this build and this processor.
SrtpBackend DefaultSrtpBackend();
bool IsAvailable(SrtpBackend backend);

// Expanded session keys of one direction for RTP or for RTCP, in a backend's own form.
class PacketKeys {
 public:
  virtual ~PacketKeys() = default;
};

// The work on one packet, in place. AES-CM: `authenticated` is everything under the tag (with ROC or
// index) and contains `payload`. AEAD: it is the associated data only.
struct PacketJob {
  const PacketKeys* keys = nullptr;
  SrtpProfile profile = SrtpProfile::kAeadAes128Gcm;
  std::array<std::byte, 16> iv{};
  base::ByteSpan authenticated;
  base::MutableByteSpan payload;
  // Protect: computed. Unprotect: the tag that came with the packet.
  std::array<std::byte, 16> tag{};
  // Unprotect only.
  bool is_authentic = false;
};

inline constexpr size_t kMaxBurst = 64;

// Ciphers and tags packets in batches. One object a thread (a worker keeps one); no heap, lock or
// system call after construction.
class SrtpTransform {
 public:
  virtual ~SrtpTransform() = default;
  virtual SrtpBackend backend() const = 0;
  // Asks for the memory of keys that one of the next jobs needs.
  virtual void Prefetch(const PacketKeys& keys, SrtpProfile profile) const = 0;
  // At most kMaxBurst jobs, of any mix of sessions and profiles.
  virtual void Protect(std::span<PacketJob> jobs) = 0;
  virtual void Unprotect(std::span<PacketJob> jobs) = 0;
};

std::unique_ptr<SrtpTransform> MakeSrtpTransform(SrtpBackend backend);

// Expands a session key (and, for AES-CM, a 20-byte authentication key). Any thread.
std::unique_ptr<PacketKeys> MakePacketKeys(SrtpBackend backend, SrtpProfile profile, base::ByteSpan cipher_key,
                                           base::ByteSpan auth_key);

}  // namespace byon::srtp
