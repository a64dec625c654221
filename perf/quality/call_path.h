#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/base/time.h"
#include "dataplane/pipeline/stream_format.h"
#include "perf/quality/call_script.h"
#include "perf/quality/library_codecs.h"

namespace byon::quality {

enum class CodecKind : uint8_t { kOpus, kAmrWb, kAmr };

struct CodecChoice {
  CodecKind codec = CodecKind::kOpus;
  int amr_mode = 0;
  // Of the far end that sends; a listener's codec has none of these.
  bool has_dtx = false;  // AMR: nothing is sent in pauses but a description of the noise now and then
  bool has_red = false;  // Opus: each packet repeats the one before (RFC 2198)
  int packet_ms = 20;    // Opus: 20, 40 or 60

  std::string name() const;  // "opus", "amr-wb-23.85", "opus 60 ms", "opus red", "amr-12.2 dtx"
  base::TimeDelta packet_time() const { return base::TimeDelta::Milliseconds(packet_ms); }
  int frames_per_packet() const { return packet_ms / 20; }
  bool operator==(const CodecChoice&) const = default;
};
inline constexpr CodecChoice kOpus{CodecKind::kOpus, 0};
inline constexpr CodecChoice kAmrWb2385{CodecKind::kAmrWb, 8};
inline constexpr CodecChoice kAmrWb1265{CodecKind::kAmrWb, 2};
inline constexpr CodecChoice kAmr122{CodecKind::kAmr, 7};
inline constexpr CodecChoice kOpusRed{.has_red = true};
inline constexpr CodecChoice kOpus40Ms{.packet_ms = 40};
inline constexpr CodecChoice kOpus60Ms{.packet_ms = 60};
inline constexpr CodecChoice kAmrWb2385Dtx{.codec = CodecKind::kAmrWb, .amr_mode = 8, .has_dtx = true};
inline constexpr CodecChoice kAmr122Dtx{.codec = CodecKind::kAmr, .amr_mode = 7, .has_dtx = true};
inline constexpr uint8_t kAudioPayloadType = 111;
inline constexpr uint8_t kRedPayloadType = 63;

// What is measured: one leg alone, decoded audio behind the jitter buffer, or one direction of a
// whole call, decoded by its listener.
struct CallPath {
  CodecChoice in;
  std::optional<CodecChoice> out;

  std::string name() const;  // "opus", "opus > amr-wb-12.65"
  // What the listener hears is at this rate: 16 kHz, 8 kHz when AMR is anywhere.
  int rate_hz() const;
  // Opus, unless the other side is one, works at the other side's rate; towards a listener it is adaptive, the default
  // of a node.
  pipeline::StreamFormat receive_format() const;
  pipeline::StreamFormat send_format() const;
};

// The packets of a whole call, as the far end makes them; AMR in storage format.
std::vector<Payload> EncodeCall(const CallScript& script, const CodecChoice& codec, int expected_loss_percent);
// Whether a packet is sent at all: one without data is not.
bool IsSent(const CodecChoice& codec, const Payload& frame);
// The RTP payload of packet `index`: AMR becomes octet-aligned (RFC 4867 section 4.4), with no mode
// request; with redundancy the packet before it comes first.
Payload ToRtpPayload(const CodecChoice& codec, const std::vector<Payload>& frames, size_t index);
// The other way round. The payload is one frame that our own pipeline made.
Payload FromRtpPayload(const CodecChoice& codec, Payload payload);

// What a listener makes of 20 ms after 20 ms, silence of those without a packet. `is_lost`: of the packets, in their
// order, as many as there are or more; each is there in time, as is its successor, which may repeat it.
std::vector<int16_t> Listen(const CodecChoice& codec, int rate_hz, const std::vector<std::optional<Payload>>& sent,
                            const std::vector<bool>& is_lost);

// What stands in for lost frames in the library chain.
enum class Concealment : uint8_t {
  kLibrary,  // Opus: redundancy of the next packet, else libopus's own; AMR: opencore's own
  kRepeat,   // the last 20 ms again
};

// How the library chain encodes for a listener with Opus.
enum class OpusToListener : uint8_t {
  kAsTheGateway,  // the same settings, knowing the listener's loss from the first packet
  kUsual,         // speech at 32 kbit/s with all effort, told of no loss: how gateways encode by default
};
struct ListenerLoss {
  double share = 0;
  std::vector<bool> is_lost;  // packet by packet
};

// The path made of the libraries alone: every packet that was not lost is there in time, as is its
// successor, which brings it again where that repeats it. The result begins with the first packet's audio. PCM at
// path.rate_hz().
Signal RunLibraryChain(const CallPath& path, const std::vector<Payload>& frames, const std::vector<bool>& is_lost,
                       Concealment concealment, const ListenerLoss& listener = {},
                       OpusToListener coding = OpusToListener::kAsTheGateway);

}  // namespace byon::quality
