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
  bool may_use_g711 = true;                   // when a browser offers no Opus
  uint32_t opus_max_average_bitrate_bps = 0;  // 0: what the network's sampling rate is worth
  uint32_t opus_max_playback_rate_hz = 0;     // 0: the network's sampling rate
  bool use_opus_fec = true;
  // Redundant encodings (RFC 2198) are taken from browsers that offer them; preferred means that the
  // browser sends them: twice the bit rate, and single losses leave no trace.
  bool accepts_red = true;
  bool prefers_red = true;
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
  Outcome<WebRtcOffer> ReadOffer(std::string_view text, std::optional<DtlsRole> role = std::nullopt) const;
  // `network_rate_hz`: of the speech that the other leg carries, 8000, 16000 or 48000 (Opus there too). The browser is
  // told to encode no more than that (RFC 7587 section 6.1).
  std::string BuildAnswer(const WebRtcOffer& offer, const AccessLocal& local, OriginId origin,
                          uint32_t network_rate_hz = 16000) const;

  // Our offer of Opus 111, its redundancy and telephone-event, a=setup:actpass.
  std::string BuildOffer(const AccessLocal& local, OriginId origin, uint32_t network_rate_hz = 16000,
                         Direction direction = Direction::kSendRecv) const;
  // The browser's answer to BuildOffer.
  Outcome<AccessMedia> ReadAnswer(std::string_view text) const;

 private:
  void AppendAudio(MediaSection& media, AudioCodec codec, std::optional<uint8_t> red_payload_type,
                   uint32_t network_rate_hz) const;

  WebRtcConfig config_;
};

}  // namespace byon::sdp
