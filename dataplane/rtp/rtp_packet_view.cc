#include "dataplane/rtp/rtp_packet_view.h"

namespace byon::rtp {
namespace {

std::optional<base::ByteSpan> FindOneByteElement(base::ByteSpan block, uint8_t wanted_id) {
  base::ByteReader reader(block);
  while (reader.remaining() > 0) {
    const uint8_t head = reader.ReadU8();
    const uint8_t id = head >> 4;
    if (head == 0) continue;  // padding
    if (id == 15) break;      // reserved: the rest is not to be looked at, RFC 8285 section 4.2
    const base::ByteSpan value = reader.ReadBytes(static_cast<size_t>(head & 0x0f) + 1);
    if (!reader.ok()) break;
    if (id == wanted_id) return value;
  }
  return std::nullopt;
}

std::optional<base::ByteSpan> FindTwoByteElement(base::ByteSpan block, uint8_t wanted_id) {
  base::ByteReader reader(block);
  while (reader.remaining() > 0) {
    const uint8_t id = reader.ReadU8();
    if (id == 0) continue;  // padding
    const base::ByteSpan value = reader.ReadBytes(reader.ReadU8());
    if (!reader.ok()) break;
    if (id == wanted_id) return value;
  }
  return std::nullopt;
}

}  // namespace

base::Result<RtpPacketView, DropReason> RtpPacketView::Parse(base::ByteSpan packet, bool padding_is_encrypted) {
  base::ByteReader reader(packet);
  const uint8_t first = reader.ReadU8();
  reader.Skip(1);
  RtpPacketView view(packet);
  view.sequence_number_ = {reader.ReadU16()};
  view.timestamp_ = {reader.ReadU32()};
  view.ssrc_ = {reader.ReadU32()};
  reader.Skip(static_cast<size_t>(first & 0x0f) * 4);
  if (!reader.ok()) return DropReason::kTruncatedHeader;
  if (first >> 6 != 2) return DropReason::kBadVersion;
  if ((first & 0x10) != 0) {
    view.extension_profile_ = reader.ReadU16();
    view.extension_bytes_ = size_t{reader.ReadU16()} * 4;
    view.extension_offset_ = reader.position();
    reader.Skip(view.extension_bytes_);
    if (!reader.ok()) return DropReason::kBadExtension;
  }
  view.header_bytes_ = reader.position();
  if ((first & 0x20) != 0 && !padding_is_encrypted) {
    if (reader.remaining() == 0) return DropReason::kBadPadding;
    view.padding_bytes_ = std::to_integer<size_t>(packet.back());
    if (view.padding_bytes_ == 0 || view.padding_bytes_ > reader.remaining()) {
      return DropReason::kBadPadding;
    }
  }
  return view;
}

Ssrc RtpPacketView::csrc(size_t index) const {
  base::ByteReader reader(packet_.subspan(kRtpFixedHeaderBytes + index * 4));
  return {reader.ReadU32()};
}

std::optional<base::ByteSpan> RtpPacketView::FindExtension(uint8_t id) const {
  if (!has_extension() || id == 0) return std::nullopt;
  if (extension_profile_ == kOneByteExtensionProfile) {
    return FindOneByteElement(extension_block(), id);
  }
  if ((extension_profile_ & 0xfff0) == kTwoByteExtensionProfile) {
    return FindTwoByteElement(extension_block(), id);
  }
  return std::nullopt;
}

}  // namespace byon::rtp
