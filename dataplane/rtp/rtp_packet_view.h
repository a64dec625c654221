#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"
#include "dataplane/rtp/drop_reason.h"
#include "dataplane/rtp/types.h"

namespace byon::rtp {

// Smallest RTP header, RFC 3550 section 5.1.
inline constexpr size_t kRtpFixedHeaderBytes = 12;
// Header extension profiles, RFC 8285 sections 4.2 and 4.3.
inline constexpr uint16_t kOneByteExtensionProfile = 0xBEDE;
inline constexpr uint16_t kTwoByteExtensionProfile = 0x1000;  // low four bits are "appbits"

// A validated RTP packet over bytes it does not own (RFC 3550 section 5.1). It holds positions, not
// pointers into a copy: the bytes must outlive the view.
class RtpPacketView {
 public:
  // Checks version, CSRC list, extension block and padding against the packet's length. An
  // encrypted packet parses too, as long as its padding bit is clear or `padding_is_encrypted` is
  // true: then the padding count is not looked at and payload() reaches to the end.
  static base::Result<RtpPacketView, DropReason> Parse(base::ByteSpan packet, bool padding_is_encrypted = false);

  bool marker() const { return (std::to_integer<uint8_t>(packet_[1]) & 0x80) != 0; }
  PayloadType payload_type() const { return {static_cast<uint8_t>(std::to_integer<uint8_t>(packet_[1]) & 0x7f)}; }
  SequenceNumber sequence_number() const { return sequence_number_; }
  RtpTimestamp timestamp() const { return timestamp_; }
  Ssrc ssrc() const { return ssrc_; }
  size_t csrc_count() const { return std::to_integer<size_t>(packet_[0]) & 0x0f; }
  Ssrc csrc(size_t index) const;

  bool has_extension() const { return (std::to_integer<uint8_t>(packet_[0]) & 0x10) != 0; }
  // Zero without an extension block.
  uint16_t extension_profile() const { return extension_profile_; }
  // The body of the extension block, without its profile and length words.
  base::ByteSpan extension_block() const { return packet_.subspan(extension_offset_, extension_bytes_); }
  // The element `id` of a one-byte (RFC 8285 section 4.2) or two-byte (4.3) block; an element may
  // be empty in the two-byte form. Nothing when it is absent or the block is of another profile.
  std::optional<base::ByteSpan> FindExtension(uint8_t id) const;

  size_t header_bytes() const { return header_bytes_; }
  size_t padding_bytes() const { return padding_bytes_; }
  base::ByteSpan payload() const {
    return packet_.subspan(header_bytes_, packet_.size() - header_bytes_ - padding_bytes_);
  }
  base::ByteSpan packet() const { return packet_; }

 private:
  explicit RtpPacketView(base::ByteSpan packet) : packet_(packet) {}

  base::ByteSpan packet_;
  Ssrc ssrc_;
  RtpTimestamp timestamp_;
  SequenceNumber sequence_number_;
  uint16_t extension_profile_ = 0;
  size_t extension_offset_ = 0;
  size_t extension_bytes_ = 0;
  size_t header_bytes_ = 0;
  size_t padding_bytes_ = 0;
};

}  // namespace byon::rtp
