#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace byon::simphone {

// One audio format of an m= line.
struct AudioFormat {
  int payload_type = 0;
  std::string name;  // AMR-WB, AMR, PCMU, PCMA, telephone-event
  int clock_rate_hz = 8000;
  bool octet_align = false;   // RFC 4867 section 8.1
  std::vector<int> mode_set;  // empty: all modes
};

enum class MediaDirection { kSendRecv, kSendOnly, kRecvOnly, kInactive };
std::string_view DirectionName(MediaDirection direction);
// What the other side may do when this side does `direction` (RFC 3264 section 6.1).
MediaDirection Reverse(MediaDirection direction);

// Quality-of-service preconditions, RFC 3312, as far as a phone with ready resources needs them.
struct Preconditions {
  bool is_local_ready = false;  // a=curr:qos local sendrecv, seen by the description's author
  bool is_remote_ready = false;
  bool wants_confirmation = false;  // a=conf:qos remote sendrecv
};

// A session description with one audio stream.
struct AudioDescription {
  std::string ip;
  uint16_t port = 0;
  uint16_t rtcp_port = 0;  // 0: port + 1
  MediaDirection direction = MediaDirection::kSendRecv;
  std::vector<AudioFormat> formats;  // in order of preference, telephone-event among them
  std::optional<Preconditions> preconditions;
  bool has_rtcp_xr = false;  // a=rtcp-xr: wants VoIP metrics, answers reference times (RFC 3611)
  uint32_t session_version = 1;

  // nullopt when there is no audio m= line of profile RTP/AVP or RTP/AVPF with an address.
  static std::optional<AudioDescription> Parse(std::string_view sdp);
  std::string Serialize() const;
};

// The formats of a phone that speaks the named codecs (AMR-WB, AMR, PCMU, PCMA), each AMR codec
// bandwidth-efficient, octet-aligned or both, and telephone-event at every clock rate. A format has
// the same payload type in every offer of a call, as RFC 3264 section 8.3.2 demands.
struct CodecPreferences {
  std::vector<std::string> codecs = {"AMR-WB", "AMR"};
  bool may_octet_align = true;
  bool may_bandwidth_efficient = true;
  std::vector<int> mode_set;
};
std::vector<AudioFormat> MakeFormats(const CodecPreferences& preferences);

// What both sides agreed on.
struct NegotiatedAudio {
  AudioFormat format;                  // payload type as the remote side wants to receive it
  int receive_payload_type = 0;        // as the remote side sends it
  std::optional<int> telephone_event;  // at the codec's clock rate
  std::optional<int> receive_telephone_event;
  std::string remote_ip;
  uint16_t remote_port = 0;
  uint16_t remote_rtcp_port = 0;
  bool remote_has_rtcp_xr = false;
};

// Picks the first format of `remote` that `local` also has. nullopt: no common codec.
std::optional<NegotiatedAudio> Negotiate(const std::vector<AudioFormat>& local, const AudioDescription& remote);
// The formats of an answer to `offer`: the picked codec with the offer's payload types.
std::vector<AudioFormat> AnswerFormats(const NegotiatedAudio& picked);

}  // namespace byon::simphone
