#include "dataplane/codec/g711.h"

#include <algorithm>
#include <array>
#include <bit>

namespace byon::codec {
namespace {

// The decision value 33 that mu-law adds before it looks for the segment (G.711 table 2), in 16 bits.
constexpr int kMuLawBias = 33 << 2;
constexpr int kMuLawClip = 0x7fff - kMuLawBias;  // just below the virtual decision value 8159

constexpr int16_t ExpandMuLaw(uint8_t octet) {
  const unsigned code = static_cast<uint8_t>(~octet);
  const unsigned segment = code >> 4 & 7;
  const int step = static_cast<int>(code & 15);
  const int magnitude = (((step << 3) + kMuLawBias) << segment) - kMuLawBias;
  return static_cast<int16_t>((code & 0x80) != 0 ? -magnitude : magnitude);
}

constexpr int16_t ExpandALaw(uint8_t octet) {
  const unsigned code = octet ^ 0x55u;  // even bits are inverted on the line
  const unsigned segment = code >> 4 & 7;
  int magnitude = static_cast<int>(code & 15) << 4 | 8;
  if (segment != 0) magnitude = (magnitude + 0x100) << (segment - 1);
  return static_cast<int16_t>((code & 0x80) != 0 ? magnitude : -magnitude);
}

template <int16_t (*kExpand)(uint8_t)>
constexpr std::array<int16_t, 256> MakeTable() {
  std::array<int16_t, 256> table{};
  for (unsigned i = 0; i < 256; ++i) table[i] = kExpand(static_cast<uint8_t>(i));
  return table;
}
constexpr std::array<int16_t, 256> kMuLawTable = MakeTable<ExpandMuLaw>();
constexpr std::array<int16_t, 256> kALawTable = MakeTable<ExpandALaw>();

}  // namespace

int16_t MuLawToLinear(uint8_t octet) { return kMuLawTable[octet]; }
int16_t ALawToLinear(uint8_t octet) { return kALawTable[octet]; }

uint8_t LinearToMuLaw(int16_t sample) {
  const unsigned sign = sample < 0 ? 0x80 : 0;
  const int magnitude = std::min(std::abs(int{sample}), kMuLawClip) + kMuLawBias;
  const auto segment = static_cast<unsigned>(std::bit_width(static_cast<unsigned>(magnitude))) - 8;
  const unsigned step = static_cast<unsigned>(magnitude) >> (segment + 3) & 15;
  return static_cast<uint8_t>(~(sign | segment << 4 | step));
}

uint8_t LinearToALaw(int16_t sample) {
  const unsigned sign = sample >= 0 ? 0x80 : 0;
  // Negative values are mirrored around -1/2, so that both halves have the same decision values.
  const auto magnitude = static_cast<unsigned>(sample >= 0 ? sample : -(sample + 1));
  unsigned code = magnitude >> 4;
  if (magnitude >= 0x100) {
    const auto segment = static_cast<unsigned>(std::bit_width(magnitude)) - 8;
    code = segment << 4 | (magnitude >> (segment + 3) & 15);
  }
  return static_cast<uint8_t>((sign | code) ^ 0x55);
}

std::optional<PayloadDescription> G711Decoder::Describe(base::ByteSpan payload) const {
  return DescribePayload(codec_, false, payload);
}

size_t G711Decoder::Decode(base::ByteSpan payload, uint32_t skip, std::span<int16_t> out) {
  payload = payload.subspan(std::min<size_t>(skip, payload.size()));
  const size_t count = std::min(payload.size(), out.size());
  ToLinear(payload.first(count), out);
  concealer_.Accept(out.first(count));
  return count;
}

void G711Decoder::ToLinear(base::ByteSpan payload, std::span<int16_t> out) const {
  const auto& table = codec_ == Codec::kPcmu ? kMuLawTable : kALawTable;
  for (size_t i = 0; i < payload.size(); ++i) {
    out[i] = table[std::to_integer<uint8_t>(payload[i])];
  }
}

void G711Decoder::BridgeLoss(base::ByteSpan next_payload, std::span<int16_t> out) {
  std::array<int16_t, 160> next;
  if (next_payload.size() < next.size()) return ConcealLoss(out);
  ToLinear(next_payload.first(next.size()), next);
  concealer_.Bridge(next, out);
}

G711Encoder::G711Encoder(const CodecFormat& format)
    : codec_(format.codec), bytes_per_packet_(size_t{format.ptime_ms} * 8) {
  pending_.reserve(bytes_per_packet_);
}

EncodedPayload G711Encoder::Encode(const AudioFrame& frame, base::MutableByteSpan out) {
  for (int16_t sample : frame.view()) {
    pending_.push_back(static_cast<std::byte>(codec_ == Codec::kPcmu ? LinearToMuLaw(sample) : LinearToALaw(sample)));
  }
  if (pending_.size() < bytes_per_packet_ || out.size() < pending_.size()) return {};
  std::copy(pending_.begin(), pending_.end(), out.begin());
  const EncodedPayload payload{.bytes = pending_.size(), .frames = static_cast<int>(pending_.size() / 160)};
  pending_.clear();
  return payload;
}

}  // namespace byon::codec
