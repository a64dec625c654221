#include "dataplane/rtp/rtp_packet_builder.h"

#include <cstring>

#include "dataplane/rtp/rtp_packet_view.h"

namespace byon::rtp {

RtpPacketBuilder::RtpPacketBuilder(base::MutableByteSpan buffer, const RtpHeader& header) : buffer_(buffer) {
  base::ByteWriter writer(buffer);
  writer.WriteU8(0x80);
  writer.WriteU8(static_cast<uint8_t>((header.marker ? 0x80 : 0) | header.payload_type.value));
  writer.WriteU16(header.sequence_number.value);
  writer.WriteU32(header.timestamp.value);
  writer.WriteU32(header.ssrc.value);
  size_ = writer.size();
  ok_ = writer.ok() && header.payload_type.value < 128;
}

void RtpPacketBuilder::AddCsrc(Ssrc csrc) {
  base::ByteWriter writer(buffer_.subspan(size_));
  writer.WriteU32(csrc.value);
  ok_ = ok_ && stage_ == Stage::kCsrc && writer.ok() && (std::to_integer<uint8_t>(buffer_[0]) & 0x0f) < 15;
  if (!ok_) return;
  buffer_[0] = static_cast<std::byte>(std::to_integer<uint8_t>(buffer_[0]) + 1);
  size_ += writer.size();
}

void RtpPacketBuilder::AddExtension(uint8_t id, base::ByteSpan value) {
  ok_ = ok_ && stage_ != Stage::kPayload && id >= 1 && id <= 14 && !value.empty() && value.size() <= 16;
  if (!ok_) return;
  base::ByteWriter writer(buffer_.subspan(size_));
  if (stage_ == Stage::kCsrc) {
    stage_ = Stage::kExtension;
    extension_start_ = size_;
    writer.WriteU16(kOneByteExtensionProfile);
    writer.WriteU16(0);
    buffer_[0] |= std::byte{0x10};
  }
  writer.WriteU8(static_cast<uint8_t>(size_t{id} << 4 | (value.size() - 1)));
  writer.WriteBytes(value);
  size_ += writer.size();
  ok_ = writer.ok();
}

void RtpPacketBuilder::CloseHeader() {
  if (!ok_ || stage_ == Stage::kPayload) return;
  if (stage_ == Stage::kExtension) {
    const size_t unpadded = size_ - extension_start_ - 4;
    const size_t padding = (4 - unpadded % 4) % 4;
    base::ByteWriter writer(buffer_.subspan(size_));
    writer.WriteZeros(padding);
    size_ += writer.size();
    ok_ = writer.ok();
    base::ByteWriter length(buffer_.subspan(extension_start_ + 2));
    length.WriteU16(static_cast<uint16_t>((unpadded + padding) / 4));
  }
  stage_ = Stage::kPayload;
}

base::MutableByteSpan RtpPacketBuilder::PayloadRoom() {
  CloseHeader();
  return ok_ ? buffer_.subspan(size_) : base::MutableByteSpan();
}

void RtpPacketBuilder::SetPayload(base::ByteSpan payload) {
  const base::MutableByteSpan room = PayloadRoom();
  if (!ok_ || payload.size() > room.size()) {
    ok_ = false;
    return;
  }
  if (!payload.empty()) std::memmove(room.data(), payload.data(), payload.size());
  payload_bytes_ = payload.size();
}

void RtpPacketBuilder::PadTo(size_t block_bytes) {
  ok_ = ok_ && block_bytes > 1 && block_bytes <= 128;
  pad_block_bytes_ = block_bytes;
}

std::optional<base::ByteSpan> RtpPacketBuilder::Finish() { return Finish(payload_bytes_); }

std::optional<base::ByteSpan> RtpPacketBuilder::Finish(size_t payload_bytes) {
  const base::MutableByteSpan room = PayloadRoom();
  if (!ok_ || payload_bytes > room.size()) return std::nullopt;
  size_t total = size_ + payload_bytes;
  if (pad_block_bytes_ != 0 && total % pad_block_bytes_ != 0) {
    const size_t padding = pad_block_bytes_ - total % pad_block_bytes_;
    base::ByteWriter writer(buffer_.subspan(total));
    writer.WriteZeros(padding - 1);
    writer.WriteU8(static_cast<uint8_t>(padding));
    if (!writer.ok()) return std::nullopt;
    buffer_[0] |= std::byte{0x20};
    total += padding;
  }
  return base::ByteSpan(buffer_).first(total);
}

}  // namespace byon::rtp
