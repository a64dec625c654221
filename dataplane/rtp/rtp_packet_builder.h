#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/rtp/types.h"

namespace byon::rtp {

struct RtpHeader {
  bool marker = false;
  PayloadType payload_type;
  SequenceNumber sequence_number;
  RtpTimestamp timestamp;
  Ssrc ssrc;
};

// Writes one RTP packet into a caller's buffer, front to back: header, CSRCs, extensions, payload.
// A step that does not fit, or comes out of order, makes the build fail; Finish() tells.
class RtpPacketBuilder {
 public:
  RtpPacketBuilder(base::MutableByteSpan buffer, const RtpHeader& header);

  void AddCsrc(Ssrc csrc);  // at most 15
  // Adds an element in the one-byte form (RFC 8285 section 4.2): id 1 to 14, 1 to 16 bytes.
  void AddExtension(uint8_t id, base::ByteSpan value);
  // Closes the header and gives the room behind it; the caller writes there and says how much by
  // Finish(). Empty when the header failed.
  base::MutableByteSpan PayloadRoom();
  void SetPayload(base::ByteSpan payload);
  // Pads the packet to a multiple of `block_bytes` (RFC 3550 section 5.1), 1 < block_bytes <= 128.
  void PadTo(size_t block_bytes);

  // The whole packet, with what SetPayload() wrote or `payload_bytes` written through
  // PayloadRoom().
  std::optional<base::ByteSpan> Finish();
  std::optional<base::ByteSpan> Finish(size_t payload_bytes);

 private:
  enum class Stage : uint8_t { kCsrc, kExtension, kPayload };
  void CloseHeader();

  base::MutableByteSpan buffer_;
  size_t size_ = 0;
  size_t extension_start_ = 0;  // of the block's profile word; 0: no block
  size_t payload_bytes_ = 0;
  size_t pad_block_bytes_ = 0;
  Stage stage_ = Stage::kCsrc;
  bool ok_ = true;
};

}  // namespace byon::rtp
