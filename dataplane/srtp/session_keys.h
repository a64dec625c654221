#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/base/bytes.h"
#include "dataplane/srtp/srtp_keying.h"

namespace byon::srtp {

// The labels of RFC 3711 section 4.3.1 and 4.3.2.
enum class KeyLabel : uint8_t {
  kRtpCipher = 0,
  kRtpAuth = 1,
  kRtpSalt = 2,
  kRtcpCipher = 3,
  kRtcpAuth = 4,
  kRtcpSalt = 5,
};

// Fills `output` with the session key of `label`, key derivation rate 0: AES-CM under the master key
// as PRF (RFC 3711 section 4.3.3; RFC 7714 section 11 for the AEAD profiles). At most 1024 bytes.
void DeriveSessionKey(const SrtpKeyingMaterial& keying, KeyLabel label, base::MutableByteSpan output);

// XORs `value` in network order, as wide as `target`, into `target`.
inline void XorInteger(uint64_t value, base::MutableByteSpan target) {
  for (size_t i = target.size(); i-- > 0; value >>= 8) {
    target[i] ^= static_cast<std::byte>(value & 0xff);
  }
}

}  // namespace byon::srtp
