#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace byon::codec {

enum class Codec : uint8_t { kOpus, kAmrWb, kAmr, kPcmu, kPcma };

// From an SDP encoding name and clock rate (RFC 4855: compared without case). Nothing for codecs the
// gateway does not speak.
std::optional<Codec> CodecFromName(std::string_view encoding_name, uint32_t clock_rate_hz);
// The encoding name as its registration writes it: "opus", "AMR-WB", "AMR", "PCMU", "PCMA".
std::string_view CodecName(Codec codec);
// The RTP clock: 48000 (RFC 7587 section 4.1), 16000, 8000.
uint32_t ClockRateHz(Codec codec);

// RFC 4867 section 8.1. `crc`, `interleaving` and `robust-sorting` are here so that a format which
// asks for them is refused instead of misread.
struct AmrParameters {
  bool octet_align = false;
  uint16_t mode_set = 0;           // bit i: mode i may be used; 0: all modes
  uint8_t mode_change_period = 1;  // 1 or 2 frame-blocks
  bool mode_change_neighbor = false;
  bool crc = false;
  bool robust_sorting = false;
  bool interleaving = false;
  bool use_dtx = false;                 // of our encoder: SID and NO_DATA in silence (TS 26.071, TS 26.193)
  std::optional<uint8_t> initial_mode;  // absent: the highest that mode_set allows
  bool operator==(const AmrParameters&) const = default;
};

// What Opus is encoded with: ours, not signalled. The room's README has the figures.
enum class OpusCoding : uint8_t {
  kSpeech,    // SILK
  kAdaptive,  // CELT at twice the bit rate while the receiver reports no loss, SILK for a while after it does
};

// RFC 7587 section 6.1, as the peer asked us to send.
struct OpusParameters {
  bool use_inband_fec = false;
  bool use_dtx = false;
  bool stereo = false;                   // accepted when receiving; we always send mono
  uint32_t max_average_bitrate_bps = 0;  // 0: our own choice, 32000 to 64000
  uint32_t max_playback_rate_hz = 48000;
  uint8_t complexity = 5;  // 0 to 10, of kSpeech; ours, not signalled
  OpusCoding coding = OpusCoding::kSpeech;
  bool operator==(const OpusParameters&) const = default;
};

// What an encoder or decoder must know.
struct CodecFormat {
  Codec codec = Codec::kOpus;
  AmrParameters amr;    // read for AMR and AMR-WB
  OpusParameters opus;  // read for Opus
  // Audio in one packet that we send: 20 to 60 ms on Opus, to 240 ms on the others, a multiple of 20.
  uint16_t ptime_ms = 20;
  bool operator==(const CodecFormat&) const = default;
};

// Why a format cannot be used, or nothing.
enum class FormatError : uint8_t {
  kCrcNotSupported,
  kInterleavingNotSupported,
  kRobustSortingNotSupported,
  kEmptyModeSet,    // no mode of the set exists
  kBadModeChange,   // mode-change-period is not 1 or 2
  kBadInitialMode,  // not in the mode set
  kBadPacketTime,
  kBadOpusParameter,  // bit rate, playback rate or complexity out of range
};
std::optional<FormatError> CheckFormat(const CodecFormat& format);
std::string_view FormatErrorName(FormatError error);

}  // namespace byon::codec
