#include "dataplane/codec/amr_payload.h"

#include <algorithm>

#include "dataplane/base/check.h"

namespace byon::codec {
namespace {

constexpr uint16_t kReserved = 0xffff;
// TS 26.101 table 2 and RFC 4867 section 3.6; 9 to 11 are SIDs of other systems, not for RTP.
constexpr std::array<uint16_t, 16> kAmrBits = {
    95, 103, 118, 134, 148, 159, 204, 244, 39, kReserved, kReserved, kReserved, kReserved, kReserved, kReserved, 0};
// TS 26.201 table 2.
constexpr std::array<uint16_t, 16> kAmrWbBits = {132, 177, 253,       285,       317,       365,       397, 461,
                                                 477, 40,  kReserved, kReserved, kReserved, kReserved, 0,   0};

constexpr size_t BytesOf(size_t bits) { return (bits + 7) / 8; }

unsigned ReadBits(base::ByteSpan bytes, size_t offset, unsigned count) {
  unsigned value = 0;
  for (unsigned i = 0; i < count; ++i) {
    const unsigned octet = std::to_integer<unsigned>(bytes[(offset + i) / 8]);
    value = value << 1 | (octet >> (7 - (offset + i) % 8) & 1);
  }
  return value;
}

// Copies `count` bits from any bit position to the start of `to`, whose other bits are zero.
void CopyBitsOut(base::ByteSpan from, size_t offset, size_t count, std::span<std::byte> to) {
  const size_t first = offset / 8;
  const unsigned shift = offset % 8;
  for (size_t i = 0; i < BytesOf(count); ++i) {
    unsigned octet = std::to_integer<unsigned>(from[first + i]) << shift;
    if (shift != 0 && first + i + 1 < from.size()) {
      octet |= std::to_integer<unsigned>(from[first + i + 1]) >> (8 - shift);
    }
    to[i] = static_cast<std::byte>(octet & 0xff);
  }
  if (count % 8 != 0) to[count / 8] &= static_cast<std::byte>(0xff00u >> count % 8 & 0xff);
}

// Ors `count` bits from the start of `from` into `to`, which is zero behind `offset`.
void CopyBitsIn(std::span<const std::byte> from, size_t count, base::MutableByteSpan to, size_t offset) {
  const size_t first = offset / 8;
  const unsigned shift = offset % 8;
  for (size_t i = 0; i < BytesOf(count); ++i) {
    const unsigned octet = std::to_integer<unsigned>(from[i]);
    to[first + i] |= static_cast<std::byte>(octet >> shift);
    if (shift != 0 && first + i + 1 < to.size()) {
      to[first + i + 1] |= static_cast<std::byte>(octet << (8 - shift) & 0xff);
    }
  }
}

void WriteBits(base::MutableByteSpan to, size_t offset, unsigned value, unsigned count) {
  const std::byte aligned = static_cast<std::byte>(value << (8 - count) & 0xff);
  CopyBitsIn({&aligned, 1}, count, to, offset);
}

}  // namespace

size_t AmrModeCount(Codec codec) { return codec == Codec::kAmrWb ? 9 : 8; }

uint16_t EffectiveModeSet(Codec codec, uint16_t mode_set) {
  const auto all = static_cast<uint16_t>((1u << AmrModeCount(codec)) - 1);
  return mode_set == 0 ? all : static_cast<uint16_t>(mode_set & all);
}

std::optional<size_t> AmrFrameBits(Codec codec, uint8_t frame_type) {
  if (frame_type > 15) return std::nullopt;
  const uint16_t bits = (codec == Codec::kAmrWb ? kAmrWbBits : kAmrBits)[frame_type];
  if (bits == kReserved) return std::nullopt;
  return bits;
}

bool IsAmrSpeech(Codec codec, uint8_t frame_type) { return frame_type < AmrModeCount(codec); }

bool IsAmrSid(Codec codec, uint8_t frame_type) {
  return frame_type == (codec == Codec::kAmrWb ? kAmrWbSidFrameType : kAmrSidFrameType);
}

size_t ToAmrStorage(Codec codec, const AmrFrame& frame, AmrStorage& storage) {
  const std::optional<size_t> bits = AmrFrameBits(codec, frame.frame_type);
  BYON_CHECK(bits, "a frame has a valid type");
  storage[0] = static_cast<uint8_t>(frame.frame_type << 3 | (frame.is_good ? 4 : 0));
  std::transform(frame.bits.begin(), frame.bits.begin() + static_cast<ptrdiff_t>(BytesOf(*bits)), storage.begin() + 1,
                 [](std::byte b) { return std::to_integer<uint8_t>(b); });
  return 1 + BytesOf(*bits);
}

std::optional<AmrFrame> FromAmrStorage(Codec codec, std::span<const uint8_t> storage) {
  if (storage.empty()) return std::nullopt;
  AmrFrame frame;
  frame.frame_type = storage[0] >> 3 & 15;
  frame.is_good = (storage[0] & 4) != 0;
  const std::optional<size_t> bits = AmrFrameBits(codec, frame.frame_type);
  if (!bits || storage.size() < 1 + BytesOf(*bits)) return std::nullopt;
  CopyBitsOut(std::as_bytes(storage), 8, *bits, frame.bits);
  return frame;
}

base::Result<AmrPayloadView, AmrPayloadError> AmrPayloadView::Parse(Codec codec, bool octet_align,
                                                                    base::ByteSpan payload) {
  AmrPayloadView view(codec, octet_align, payload);
  if (const std::optional<AmrPayloadError> error = view.ReadTableOfContents()) return *error;
  return view;
}

std::optional<AmrPayloadError> AmrPayloadView::ReadTableOfContents() {
  const size_t total_bits = payload_.size() * 8;
  const size_t entry_bits = is_octet_aligned_ ? 8 : 6;
  size_t position = is_octet_aligned_ ? 8 : 4;
  if (total_bits < position) return AmrPayloadError::kTruncated;
  cmr_ = static_cast<uint8_t>(ReadBits(payload_, 0, 4));

  size_t speech_bits = 0;
  for (bool is_last = false; !is_last; position += entry_bits) {
    if (total_bits < position + entry_bits) return AmrPayloadError::kTruncated;
    const unsigned entry = ReadBits(payload_, position, 6);
    is_last = (entry & 0x20) == 0;
    const TableOfContentsEntry parsed{static_cast<uint8_t>(entry >> 1 & 15), (entry & 1) != 0};
    const std::optional<size_t> bits = AmrFrameBits(codec_, parsed.frame_type);
    if (!bits) return AmrPayloadError::kBadFrameType;
    if (!entries_.PushBack(parsed)) return AmrPayloadError::kTooManyFrames;
    speech_bits += is_octet_aligned_ ? BytesOf(*bits) * 8 : *bits;
  }
  speech_offset_bits_ = position;
  const size_t needed_bytes = BytesOf(position + speech_bits);
  if (payload_.size() < needed_bytes) return AmrPayloadError::kTruncated;
  if (payload_.size() > needed_bytes) return AmrPayloadError::kTrailingBytes;
  return std::nullopt;
}

std::optional<uint8_t> AmrPayloadView::codec_mode_request() const {
  if (cmr_ >= AmrModeCount(codec_)) return std::nullopt;
  return cmr_;
}

AmrFrame AmrPayloadView::frame(size_t index) const {
  size_t offset = speech_offset_bits_;
  for (size_t i = 0; i < index; ++i) {
    const size_t bits = *AmrFrameBits(codec_, entries_[i].frame_type);
    offset += is_octet_aligned_ ? BytesOf(bits) * 8 : bits;
  }
  AmrFrame frame;
  frame.frame_type = entries_[index].frame_type;
  frame.is_good = entries_[index].is_good;
  const size_t bits = *AmrFrameBits(codec_, frame.frame_type);
  if (bits != 0) CopyBitsOut(payload_, offset, bits, frame.bits);
  return frame;
}

size_t WriteAmrPayload(Codec codec, bool octet_align, uint8_t cmr, std::span<const AmrFrame> frames,
                       base::MutableByteSpan out) {
  BYON_CHECK(!frames.empty() && frames.size() <= kMaxAmrFramesPerPacket, "1 to 12 frames a packet");
  const size_t entry_bits = octet_align ? 8 : 6;
  size_t total_bits = (octet_align ? 8 : 4) + frames.size() * entry_bits;
  for (const AmrFrame& frame : frames) {
    const std::optional<size_t> bits = AmrFrameBits(codec, frame.frame_type);
    BYON_CHECK(bits, "a frame has a valid type");
    total_bits += octet_align ? BytesOf(*bits) * 8 : *bits;
  }
  const size_t bytes = BytesOf(total_bits);
  if (bytes > out.size()) return 0;
  const base::MutableByteSpan payload = out.first(bytes);
  std::ranges::fill(payload, std::byte{0});

  WriteBits(payload, 0, cmr & 15u, 4);
  size_t position = octet_align ? 8 : 4;
  for (size_t i = 0; i < frames.size(); ++i) {
    const unsigned follows = i + 1 < frames.size() ? 1 : 0;
    WriteBits(payload, position, follows << 5 | unsigned{frames[i].frame_type} << 1 | (frames[i].is_good ? 1u : 0u), 6);
    position += entry_bits;
  }
  for (const AmrFrame& frame : frames) {
    const size_t bits = *AmrFrameBits(codec, frame.frame_type);
    CopyBitsIn(frame.bits, bits, payload, position);
    position += octet_align ? BytesOf(bits) * 8 : bits;
  }
  return bytes;
}

}  // namespace byon::codec
