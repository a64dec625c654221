#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/srtp/srtp_session.h"

// The first byte chooses profile, backend and RTP or RTCP; nothing forged may be accepted.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon;
  if (size == 0) return 0;
  constexpr srtp::SrtpProfile kProfiles[] = {srtp::SrtpProfile::kAes128CmSha1_80, srtp::SrtpProfile::kAeadAes128Gcm,
                                             srtp::SrtpProfile::kAeadAes256Gcm};
  const auto backend = (data[0] & 4) != 0 ? srtp::SrtpBackend::kOpenSsl : srtp::DefaultSrtpBackend();
  srtp::SrtpKeyingMaterial keying;
  keying.profile = kProfiles[(data[0] & 3) % 3];
  const auto transform = srtp::MakeSrtpTransform(backend);
  srtp::SrtpSession session(backend, keying);
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  std::vector<std::byte> packet(bytes.begin(), bytes.end());
  const auto result =
      (data[0] & 8) != 0 ? session.UnprotectRtcp(*transform, packet) : session.UnprotectRtp(*transform, packet);
  if (!result.ok() && !session.Positions().empty()) __builtin_trap();
  return 0;
}
