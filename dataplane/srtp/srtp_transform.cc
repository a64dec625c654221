#include "dataplane/srtp/srtp_transform.h"

#include "dataplane/base/check.h"
#include "dataplane/srtp/backends.h"

namespace byon::srtp {

SrtpBackend DefaultSrtpBackend() {
  return IsAvailable(SrtpBackend::kIpsecMb) ? SrtpBackend::kIpsecMb : SrtpBackend::kOpenSsl;
}

bool IsAvailable(SrtpBackend backend) { return backend == SrtpBackend::kOpenSsl || IsIpsecMbAvailable(); }

std::unique_ptr<SrtpTransform> MakeSrtpTransform(SrtpBackend backend) {
  BYON_CHECK(IsAvailable(backend), "the caller asks for an available backend");
  return backend == SrtpBackend::kIpsecMb ? MakeIpsecMbTransform() : MakeOpenSslTransform();
}

std::unique_ptr<PacketKeys> MakePacketKeys(SrtpBackend backend, SrtpProfile profile, base::ByteSpan cipher_key,
                                           base::ByteSpan auth_key) {
  BYON_CHECK(IsAvailable(backend), "the caller asks for an available backend");
  BYON_CHECK(cipher_key.size() == MasterKeyBytes(profile), "a session key is as long as a master key");
  BYON_CHECK(IsAead(profile) || auth_key.size() == kAuthKeyBytes, "HMAC-SHA1 has a 160-bit key here");
  return backend == SrtpBackend::kIpsecMb ? MakeIpsecMbKeys(profile, cipher_key, auth_key)
                                          : MakeOpenSslKeys(profile, cipher_key, auth_key);
}

}  // namespace byon::srtp
