#include "dataplane/codec/opus_packet.h"

#include <array>

namespace byon::codec {
namespace {

constexpr size_t kMaxOpusFrameBytes = 1275;  // RFC 6716 section 3.4, R2
constexpr uint32_t kMaxPacketDuration = 5760;
// Frame sizes by configuration, RFC 6716 table 2, in units of 2.5 ms.
constexpr std::array<uint8_t, 4> kSilkSizes = {4, 8, 16, 24};
constexpr std::array<uint8_t, 2> kHybridSizes = {4, 8};
constexpr std::array<uint8_t, 4> kCeltSizes = {1, 2, 4, 8};

uint32_t FrameDuration(unsigned configuration) {
  constexpr uint32_t kUnit = 120;  // 2.5 ms at 48 kHz
  if (configuration < 12) return kUnit * kSilkSizes[configuration & 3];
  if (configuration < 16) return kUnit * kHybridSizes[configuration & 1];
  return kUnit * kCeltSizes[configuration & 3];
}

// The length field of RFC 6716 section 3.2.1.
std::optional<size_t> ReadFrameLength(base::ByteReader& reader) {
  const size_t first = reader.ReadU8();
  const size_t length = first < 252 ? first : first + 4 * size_t{reader.ReadU8()};
  if (!reader.ok()) return std::nullopt;
  return length;
}

struct Layout {
  uint8_t frame_count = 0;
  size_t largest_frame = 0;
  base::ByteSpan first_frame;
};

std::optional<Layout> EqualFrames(base::ByteSpan frames, uint8_t count) {
  if (frames.size() % count != 0) return std::nullopt;
  const size_t each = frames.size() / count;
  return Layout{count, each, frames.first(each)};
}

std::optional<Layout> TwoFrames(base::ByteReader reader) {
  const std::optional<size_t> first = ReadFrameLength(reader);
  if (!first || *first > reader.remaining()) return std::nullopt;
  const size_t second = reader.remaining() - *first;
  return Layout{2, *first > second ? *first : second, reader.rest().first(*first)};
}

// Code 3: a count octet, optional padding, then equal or explicit lengths (RFC 6716 section 3.2.5).
std::optional<Layout> ManyFrames(base::ByteReader reader) {
  const unsigned count_octet = reader.ReadU8();
  const auto count = static_cast<uint8_t>(count_octet & 63);
  if (!reader.ok() || count == 0) return std::nullopt;
  size_t padding = 0;
  if ((count_octet & 0x40) != 0) {
    unsigned octet = 255;
    while (octet == 255) {
      octet = reader.ReadU8();
      if (!reader.ok()) return std::nullopt;
      padding += octet == 255 ? 254 : octet;
    }
  }
  if ((count_octet & 0x80) == 0) {
    if (padding > reader.remaining()) return std::nullopt;
    return EqualFrames(reader.rest().first(reader.remaining() - padding), count);
  }
  Layout layout{.frame_count = count};
  size_t explicit_bytes = 0;
  size_t first_length = 0;
  for (unsigned i = 0; i + 1 < count; ++i) {
    const std::optional<size_t> length = ReadFrameLength(reader);
    if (!length) return std::nullopt;
    if (i == 0) first_length = *length;
    explicit_bytes += *length;
    if (*length > layout.largest_frame) layout.largest_frame = *length;
  }
  if (explicit_bytes + padding > reader.remaining()) return std::nullopt;
  const size_t last = reader.remaining() - explicit_bytes - padding;
  if (last > layout.largest_frame) layout.largest_frame = last;
  layout.first_frame = reader.rest().first(count == 1 ? last : first_length);
  return layout;
}

std::optional<Layout> FindFrames(unsigned code, base::ByteReader reader) {
  switch (code) {
    case 0: return EqualFrames(reader.rest(), 1);
    case 1: return EqualFrames(reader.rest(), 2);
    case 2: return TwoFrames(reader);
    default: return ManyFrames(reader);
  }
}

// The first bits of a SILK frame are, for each channel, one voice activity flag for each 20 ms and then
// the flag of the redundant copy (RFC 6716 section 4.2.3); bits this likely are coded as themselves.
bool HasRedundantCopy(unsigned configuration, bool is_stereo, uint32_t frame_duration, base::ByteSpan frame) {
  if (configuration >= 16 || frame.empty()) return false;
  const unsigned silk_frames = frame_duration <= 960 ? 1 : frame_duration / 960;
  const unsigned octet = std::to_integer<unsigned>(frame[0]);
  const unsigned mid = octet >> (7 - silk_frames) & 1;
  const unsigned side = is_stereo ? octet >> (6 - 2 * silk_frames) & 1 : 0;
  return (mid | side) != 0;
}

}  // namespace

std::optional<OpusPacketDescription> DescribeOpusPacket(base::ByteSpan packet) {
  if (packet.empty()) return std::nullopt;
  base::ByteReader reader(packet);
  const unsigned table_of_contents = reader.ReadU8();
  const unsigned configuration = table_of_contents >> 3;
  const std::optional<Layout> layout = FindFrames(table_of_contents & 3, reader);
  if (!layout || layout->largest_frame > kMaxOpusFrameBytes) return std::nullopt;

  OpusPacketDescription description;
  description.frame_duration = FrameDuration(configuration);
  description.frame_count = layout->frame_count;
  description.duration = description.frame_duration * layout->frame_count;
  if (description.duration > kMaxPacketDuration) return std::nullopt;
  description.is_stereo = (table_of_contents & 4) != 0;
  // Encoders signal silence by a frame of at most one octet behind the table of contents.
  description.is_dtx = layout->largest_frame <= 1;
  description.has_inband_fec =
      HasRedundantCopy(configuration, description.is_stereo, description.frame_duration, layout->first_frame);
  return description;
}

}  // namespace byon::codec
