#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "controlplane/sdp/media_types.h"
#include "controlplane/sdp/session_description.h"

namespace byon::sdp {

struct WebRtcConfig {
  // a=setup:active in our answers: the browser's large ClientHello is avoided (RFC 8842
  // section 5.2).
  bool is_dtls_client_in_answers = true;
  bool may_use_g711 = true;  // when a browser offers no Opus
  uint32_t opus_max_average_bitrate_bps = 0;
  uint32_t opus_max_playback_rate_hz = 0;  // 0: not signalled
  bool use_opus_fec = true;
};

// A browser's offer that we can serve.
struct WebRtcOffer {
  SessionDescription description;
  size_t audio_index = 0;  // of the m= line that is used
  AccessMedia media;
};

// Offer and answer with a browser (RFC 8829, RFC 8834, RFC 8843): one bundled audio section with
// DTLS-SRTP, rtcp-mux and ICE-lite; every other section is answered with port 0. Sans-IO.
class WebRtcNegotiator {
 public:
  explicit WebRtcNegotiator(WebRtcConfig config) : config_(config) {}

  // Fails when there is no audio over DTLS-SRTP with ICE credentials, rtcp-mux, a fingerprint of
  // sha-256 or better and a codec we know. `role` is the DTLS role of an earlier exchange of the
  // same session, which an offer of actpass may not change (RFC 8842 section 5.3).
  Outcome<WebRtcOffer> ReadOffer(std::string_view text,
                                 std::optional<DtlsRole> role = std::nullopt) const;
  std::string BuildAnswer(const WebRtcOffer& offer, const AccessLocal& local,
                          OriginId origin) const;

  // Our offer of Opus 111 and telephone-event, a=setup:actpass.
  std::string BuildOffer(const AccessLocal& local, OriginId origin,
                         Direction direction = Direction::kSendRecv) const;
  // The browser's answer to BuildOffer.
  Outcome<AccessMedia> ReadAnswer(std::string_view text) const;

 private:
  WebRtcConfig config_;
};

}  // namespace byon::sdp
