#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/base/bytes.h"

namespace byon::stun {

inline constexpr size_t kMessageIntegrityBytes = 20;
using Hmac = std::array<std::byte, kMessageIntegrityBytes>;

// A password made ready for MESSAGE-INTEGRITY (HMAC-SHA1, RFC 8489 section 14.5; short-term
// credentials, section 9.1). The two SHA-1 states behind the padded key are kept, so that a check
// costs one pass over the message and no allocation.
class IntegrityKey {
 public:
  explicit IntegrityKey(base::ByteSpan password);

  // HMAC-SHA1 over the concatenation of two parts.
  Hmac Compute(base::ByteSpan first, base::ByteSpan second) const;
  // Compares in constant time.
  bool Verify(base::ByteSpan first, base::ByteSpan second, base::ByteSpan expected) const;

 private:
  static constexpr size_t kShaStateBytes = 96;
  alignas(8) std::array<std::byte, kShaStateBytes> inner_;
  alignas(8) std::array<std::byte, kShaStateBytes> outer_;
};

// The FINGERPRINT value over a message up to its FINGERPRINT attribute (RFC 8489 section 14.7).
uint32_t Fingerprint(base::ByteSpan message);

}  // namespace byon::stun
