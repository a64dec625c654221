#include "dataplane/dtls/record_filter.h"

#include <cstdint>

namespace byon::dtls {
namespace {

// RFC 6347 section 4.1, RFC 5246 section 6.2.1.
constexpr uint8_t kChangeCipherSpec = 20;
constexpr uint8_t kAlert = 21;
constexpr uint8_t kHandshake = 22;
constexpr uint8_t kApplicationData = 23;
// The version of a first ClientHello may be DTLS 1.0's: RFC 6347 section 4.2.1.
constexpr uint16_t kDtls10 = 0xfeff;
constexpr uint16_t kDtls12 = 0xfefd;
constexpr uint16_t kLargestFragment = 16384 + 2048;  // RFC 5246 section 6.2.3
constexpr size_t kHandshakeHeaderBytes = 12;
constexpr size_t kAeadOverheadBytes = 16;  // ChaCha20-Poly1305's tag; GCM's nonce makes it 24

bool IsPlausibleInTheClear(uint8_t type, base::ByteSpan fragment) {
  switch (type) {
    case kChangeCipherSpec: return fragment.size() == 1 && fragment[0] == std::byte{1};
    case kAlert: return fragment.size() == 2;
    case kHandshake: return fragment.size() >= kHandshakeHeaderBytes;
    default: return false;
  }
}

}  // namespace

bool IsPlausibleDtlsDatagram(base::ByteSpan datagram) {
  base::ByteReader reader(datagram);
  do {
    const uint8_t type = reader.ReadU8();
    const uint16_t version = reader.ReadU16();
    const uint16_t epoch = reader.ReadU16();
    reader.Skip(6);  // sequence number
    const uint16_t length = reader.ReadU16();
    const base::ByteSpan fragment = reader.ReadBytes(length);
    if (!reader.ok() || length > kLargestFragment) return false;
    if (version != kDtls12 && version != kDtls10) return false;
    if (epoch > 1) return false;  // there is no renegotiation
    const bool is_plausible =
        epoch == 0 ? IsPlausibleInTheClear(type, fragment)
                   : type >= kChangeCipherSpec && type <= kApplicationData && fragment.size() > kAeadOverheadBytes;
    if (!is_plausible) return false;
  } while (reader.remaining() > 0);
  return true;
}

}  // namespace byon::dtls
