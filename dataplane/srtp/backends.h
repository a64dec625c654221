#pragma once

#include <memory>

#include "dataplane/srtp/srtp_transform.h"

// The two implementations behind srtp_transform.h. On processors other than amd64 the first is a
// file that answers "not available".
namespace byon::srtp {

inline constexpr size_t kAuthKeyBytes = 20;  // RFC 3711 section 8.2

bool IsIpsecMbAvailable();
std::unique_ptr<SrtpTransform> MakeIpsecMbTransform();
std::unique_ptr<PacketKeys> MakeIpsecMbKeys(SrtpProfile profile, base::ByteSpan cipher_key, base::ByteSpan auth_key);

std::unique_ptr<SrtpTransform> MakeOpenSslTransform();
std::unique_ptr<PacketKeys> MakeOpenSslKeys(SrtpProfile profile, base::ByteSpan cipher_key, base::ByteSpan auth_key);

}  // namespace byon::srtp
