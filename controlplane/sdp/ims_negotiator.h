#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/sdp/media_types.h"
#include "controlplane/sdp/session_description.h"

namespace byon::sdp {

enum class ImsCodec : uint8_t { kAmrWb, kAmr, kPcmu, kPcma, kOpus };

struct ImsConfig {
  std::vector<ImsCodec> codecs{ImsCodec::kAmrWb, ImsCodec::kAmr};  // in order of preference
  bool offer_octet_aligned = true;                                 // each AMR codec a second time with octet-align=1
  bool use_avpf = false;                                           // RTP/AVPF in our offers
  bool use_preconditions = false;  // RFC 3312 in our offers; offers that have them are always served
  // AMR and AMR-WB are sent with silence suppression: SID frames in pauses (TS 26.093, TS 26.193).
  bool uses_dtx = false;
  uint16_t ptime_ms = 20;  // TS 26.114 section 7.4
  uint16_t max_ptime_ms = 240;
};

// Resource reservation as one description states it, seen from the gateway (RFC 3312 section 5).
// Only the segmented status type of qos is known, with the strengths that TS 24.229 uses: who sees but his own end
// cannot say that resources are there from one to the other.
struct Preconditions {
  bool is_local_met = false;   // curr:qos local of ours
  bool is_remote_met = false;  // curr:qos remote of ours
  bool is_remote_mandatory = false;
  bool wants_confirmation = false;  // conf:qos: tell the peer when our side is ready
  bool operator==(const Preconditions&) const = default;
};

// An offer from the network that we can serve.
struct ImsOffer {
  SessionDescription description;
  size_t audio_index = 0;
  ImsMedia media;
  std::optional<Preconditions> preconditions;
  bool is_disabled = false;  // m=audio 0
  // It must not ring before something holds that the gateway cannot vouch for: resources end to end, or what is no
  // quality of service (RFC 3312 section 8: 580).
  bool needs_unknown_preconditions = false;
};

struct ImsAnswer {
  ImsMedia media;
  std::optional<Preconditions> preconditions;
};

// Offer and answer with the IMS (TS 26.114, RFC 3264, RFC 4867): AMR-WB and AMR bandwidth-efficient
// and octet-aligned, G.711 and Opus (RFC 7587: relayed, not transcoded) by configuration,
// telephone-event with the codec's clock. Sans-IO.
class ImsNegotiator {
 public:
  explicit ImsNegotiator(ImsConfig config);

  // What a first offer of ours holds: `receive` is every codec, `send` the preferred one.
  const AudioFormat& offered_audio() const { return offered_; }

  // Offers `audio` (offered_audio() at first, the negotiated format in later offers of a dialog,
  // whose payload types must not change: RFC 3264 section 8.3.2).
  std::string BuildOffer(const AudioFormat& audio, const ImsLocal& local, OriginId origin, Direction direction,
                         const std::optional<Preconditions>& preconditions = std::nullopt) const;
  // The answer to an offer of `audio`. Fails when it names a codec that was not offered, disables
  // the audio or wants media where none may go.
  Outcome<ImsAnswer> ReadAnswer(std::string_view text, const AudioFormat& audio) const;

  Outcome<ImsOffer> ReadOffer(std::string_view text) const;
  // `direction` as the gateway wants it; what the offer forbids is taken away.
  std::string BuildAnswer(const ImsOffer& offer, const ImsLocal& local, OriginId origin, Direction direction,
                          const std::optional<Preconditions>& preconditions = std::nullopt) const;

 private:
  ImsConfig config_;
  AudioFormat offered_;
};

}  // namespace byon::sdp
