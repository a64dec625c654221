#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/base/bytes.h"
#include "dataplane/base/fixed_vector.h"
#include "dataplane/base/result.h"
#include "dataplane/codec/codec_format.h"

namespace byon::codec {

// Frame types, 3GPP TS 26.101 table 1a (AMR) and TS 26.201 table 1a (AMR-WB).
inline constexpr uint8_t kAmrSidFrameType = 8;
inline constexpr uint8_t kAmrWbSidFrameType = 9;
inline constexpr uint8_t kAmrWbSpeechLostFrameType = 14;
inline constexpr uint8_t kNoDataFrameType = 15;
inline constexpr uint8_t kNoModeRequest = 15;  // CMR, RFC 4867 section 4.3.1

inline constexpr size_t kMaxAmrFrameBytes = 60;       // AMR-WB 23.85: 477 bits
inline constexpr size_t kMaxAmrFramesPerPacket = 12;  // maxptime 240 (TS 26.114 section 7.4.2)

// Number of modes: 8 for AMR, 9 for AMR-WB.
size_t AmrModeCount(Codec codec);
// The modes that `mode_set` leaves, all of them for 0.
uint16_t EffectiveModeSet(Codec codec, uint16_t mode_set);
// Bits of a frame, or nothing for a type that must not be in a packet (RFC 4867 section 4.3.2).
std::optional<size_t> AmrFrameBits(Codec codec, uint8_t frame_type);
bool IsAmrSpeech(Codec codec, uint8_t frame_type);
bool IsAmrSid(Codec codec, uint8_t frame_type);

// One 20 ms frame: its bits in the order of RFC 4867 section 4.3.3, first bit highest, rest zero.
struct AmrFrame {
  uint8_t frame_type = kNoDataFrameType;
  bool is_good = true;  // Q
  std::array<std::byte, kMaxAmrFrameBytes> bits{};

  bool operator==(const AmrFrame&) const = default;
};

// A frame as the codec libraries take and give it: the octet of RFC 4867 section 5.3 and the bits.
inline constexpr size_t kMaxAmrStorageBytes = 1 + kMaxAmrFrameBytes;
using AmrStorage = std::array<uint8_t, kMaxAmrStorageBytes>;
size_t ToAmrStorage(Codec codec, const AmrFrame& frame, AmrStorage& storage);
// Nothing when the octet's type or the length do not fit the codec.
std::optional<AmrFrame> FromAmrStorage(Codec codec, std::span<const uint8_t> storage);

enum class AmrPayloadError : uint8_t {
  kTruncated,
  kTrailingBytes,  // longer than its table of contents says: probably the other alignment
  kBadFrameType,   // reserved; the whole packet is to be discarded (RFC 4867 section 4.3.2)
  kTooManyFrames,
};

struct TableOfContentsEntry {
  uint8_t frame_type = kNoDataFrameType;
  bool is_good = true;
};

// A checked single-channel payload without CRC, interleaving or robust sorting, bandwidth-efficient
// (RFC 4867 section 4.3) or octet-aligned (section 4.4), over bytes it does not own.
class AmrPayloadView {
 public:
  static base::Result<AmrPayloadView, AmrPayloadError> Parse(Codec codec, bool octet_align, base::ByteSpan payload);

  // The CMR when it names a mode of the codec: 15 and reserved values are no request.
  std::optional<uint8_t> codec_mode_request() const;
  std::span<const TableOfContentsEntry> table_of_contents() const { return {entries_.begin(), entries_.size()}; }
  AmrFrame frame(size_t index) const;

 private:
  AmrPayloadView(Codec codec, bool octet_align, base::ByteSpan payload)
      : payload_(payload), codec_(codec), is_octet_aligned_(octet_align) {}
  std::optional<AmrPayloadError> ReadTableOfContents();

  base::ByteSpan payload_;
  Codec codec_;
  bool is_octet_aligned_;
  uint8_t cmr_ = kNoModeRequest;
  size_t speech_offset_bits_ = 0;
  base::FixedVector<TableOfContentsEntry, kMaxAmrFramesPerPacket> entries_;
};

// Writes a payload of 1 to 12 frames; `cmr` is kNoModeRequest or a mode. Returns its bytes, or 0 when
// `out` is too small. The types of the frames are valid ones.
size_t WriteAmrPayload(Codec codec, bool octet_align, uint8_t cmr, std::span<const AmrFrame> frames,
                       base::MutableByteSpan out);

}  // namespace byon::codec
