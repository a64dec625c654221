#include "controlplane/sdp/bandwidth.h"

#include <algorithm>
#include <iterator>

namespace byon::sdp {
namespace {

constexpr uint32_t kFrameMs = 20;
constexpr uint32_t kHeaderBytes = 20 + 8 + 12;  // IPv4, UDP, RTP
constexpr uint32_t kIpv6MoreBytes = 20;

// Speech bits of a frame by mode (TS 26.101 table 1a, TS 26.201 table 2).
constexpr uint32_t kAmrBits[] = {95, 103, 118, 134, 148, 159, 204, 244};
constexpr uint32_t kAmrWbBits[] = {132, 177, 253, 285, 317, 365, 397, 461, 477};

template <size_t kModes>
uint32_t MostBits(const uint32_t (&bits)[kModes], const std::vector<uint8_t>& modes) {
  if (modes.empty()) return bits[kModes - 1];
  return bits[std::min<size_t>(*std::max_element(modes.begin(), modes.end()), kModes - 1)];
}

// The payload of RFC 4867: the codec mode request, and a table entry and the speech of each frame.
uint32_t AmrBytes(uint32_t speech_bits, bool octet_align, uint32_t frames) {
  if (octet_align) return 1 + frames * (1 + (speech_bits + 7) / 8);
  return (4 + frames * (6 + speech_bits) + 7) / 8;
}

uint32_t PayloadBytes(const AudioCodec& codec, uint32_t frames) {
  if (codec.encoding_name == "AMR") return AmrBytes(MostBits(kAmrBits, codec.mode_set), codec.octet_align, frames);
  if (codec.encoding_name == "AMR-WB") return AmrBytes(MostBits(kAmrWbBits, codec.mode_set), codec.octet_align, frames);
  if (codec.encoding_name == "opus") return codec.max_average_bitrate_bps / 8 * kFrameMs * frames / 1000;
  return codec.clock_rate_hz * kFrameMs * frames / 1000;  // G.711: a byte a sample
}

}  // namespace

uint32_t BandwidthKbps(const std::vector<AudioCodec>& codecs, uint16_t ptime_ms, bool is_ipv6) {
  const uint32_t frames = std::max(1u, ptime_ms / kFrameMs);
  uint32_t highest = 0;
  for (const AudioCodec& codec : codecs) {
    const uint32_t bytes = PayloadBytes(codec, frames) + kHeaderBytes + (is_ipv6 ? kIpv6MoreBytes : 0);
    const uint32_t ms = frames * kFrameMs;
    highest = std::max(highest, (bytes * 8 + ms - 1) / ms);
  }
  return highest;
}

}  // namespace byon::sdp
