#include "dataplane/rtp/red_payload.h"

namespace byon::rtp {
namespace {

constexpr uint8_t kMoreFollow = 0x80;

}  // namespace

std::optional<RedPayloadView> RedPayloadView::Parse(base::ByteSpan payload) {
  RedPayloadView view;
  std::array<size_t, kMaxRedBlocks> lengths{};
  base::ByteReader reader(payload);
  bool is_primary = false;
  while (!is_primary) {
    const uint8_t first = reader.ReadU8();
    if (!reader.ok()) return std::nullopt;
    is_primary = (first & kMoreFollow) == 0;
    RedBlock block{.payload_type = {static_cast<uint8_t>(first & 0x7f)}, .payload = {}};
    if (!is_primary) {
      // 14 bits of timestamp offset and 10 of block length.
      const uint32_t rest = reader.ReadU24();
      if (!reader.ok()) return std::nullopt;
      block.timestamp_offset = static_cast<uint16_t>(rest >> 10);
      lengths[view.blocks_.size()] = rest & 0x3ff;
      const bool is_later_than_before =
          !view.blocks_.empty() && block.timestamp_offset > view.blocks_.back().timestamp_offset;
      if (is_later_than_before) return std::nullopt;
      // Room for the primary one must be left.
      if (view.blocks_.size() + 1 == kMaxRedBlocks) return std::nullopt;
    }
    view.blocks_.PushBack(block);
  }
  for (size_t i = 0; i + 1 < view.blocks_.size(); ++i) {
    view.blocks_[i].payload = reader.ReadBytes(lengths[i]);
    if (!reader.ok()) return std::nullopt;
  }
  view.blocks_.back().payload = reader.rest();
  return view;
}

}  // namespace byon::rtp
