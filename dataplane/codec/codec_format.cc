#include "dataplane/codec/codec_format.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "dataplane/codec/amr_payload.h"

namespace byon::codec {
namespace {

constexpr std::array kAllCodecs = {Codec::kOpus, Codec::kAmrWb, Codec::kAmr, Codec::kPcmu, Codec::kPcma};

bool EqualsWithoutCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

std::optional<FormatError> CheckAmr(const CodecFormat& format) {
  const AmrParameters& amr = format.amr;
  if (amr.crc) return FormatError::kCrcNotSupported;
  if (amr.interleaving) return FormatError::kInterleavingNotSupported;
  if (amr.robust_sorting) return FormatError::kRobustSortingNotSupported;
  const uint16_t modes = EffectiveModeSet(format.codec, amr.mode_set);
  if (modes == 0) return FormatError::kEmptyModeSet;
  if (amr.mode_change_period != 1 && amr.mode_change_period != 2) {
    return FormatError::kBadModeChange;
  }
  if (amr.initial_mode && (*amr.initial_mode > 15 || (modes >> *amr.initial_mode & 1) == 0)) {
    return FormatError::kBadInitialMode;
  }
  return std::nullopt;
}

std::optional<FormatError> CheckOpus(const OpusParameters& opus) {
  // Bounds of libopus; RFC 7587 section 6.1 names 6000 to 510000 as the useful range.
  const bool is_bitrate_good = opus.max_average_bitrate_bps == 0 ||
                               (opus.max_average_bitrate_bps >= 6000 && opus.max_average_bitrate_bps <= 510'000);
  const bool is_rate_good = opus.max_playback_rate_hz >= 8000 && opus.max_playback_rate_hz <= 48'000;
  if (!is_bitrate_good || !is_rate_good || opus.complexity > 10) {
    return FormatError::kBadOpusParameter;
  }
  return std::nullopt;
}

// G.711 at 1,400 bytes a packet.
uint16_t MaxPacketTimeMs(Codec codec) {
  switch (codec) {
    case Codec::kOpus: return 60;
    case Codec::kAmrWb:
    case Codec::kAmr: return 240;
    case Codec::kPcmu:
    case Codec::kPcma: return 160;
  }
  return 20;
}

}  // namespace

std::optional<Codec> CodecFromName(std::string_view encoding_name, uint32_t clock_rate_hz) {
  for (Codec codec : kAllCodecs) {
    if (EqualsWithoutCase(encoding_name, CodecName(codec)) && clock_rate_hz == ClockRateHz(codec)) {
      return codec;
    }
  }
  return std::nullopt;
}

std::string_view CodecName(Codec codec) {
  switch (codec) {
    case Codec::kOpus: return "opus";
    case Codec::kAmrWb: return "AMR-WB";
    case Codec::kAmr: return "AMR";
    case Codec::kPcmu: return "PCMU";
    case Codec::kPcma: return "PCMA";
  }
  return "";
}

uint32_t ClockRateHz(Codec codec) {
  switch (codec) {
    case Codec::kOpus: return 48'000;
    case Codec::kAmrWb: return 16'000;
    case Codec::kAmr:
    case Codec::kPcmu:
    case Codec::kPcma: return 8000;
  }
  return 8000;
}

std::optional<FormatError> CheckFormat(const CodecFormat& format) {
  if (format.ptime_ms == 0 || format.ptime_ms % 20 != 0 || format.ptime_ms > MaxPacketTimeMs(format.codec)) {
    return FormatError::kBadPacketTime;
  }
  switch (format.codec) {
    case Codec::kAmrWb:
    case Codec::kAmr: return CheckAmr(format);
    case Codec::kOpus: return CheckOpus(format.opus);
    case Codec::kPcmu:
    case Codec::kPcma: return std::nullopt;
  }
  return std::nullopt;
}

std::string_view FormatErrorName(FormatError error) {
  switch (error) {
    case FormatError::kCrcNotSupported: return "crc is not supported";
    case FormatError::kInterleavingNotSupported: return "interleaving is not supported";
    case FormatError::kRobustSortingNotSupported: return "robust-sorting is not supported";
    case FormatError::kEmptyModeSet: return "mode-set names no mode of the codec";
    case FormatError::kBadModeChange: return "mode-change-period is 1 or 2";
    case FormatError::kBadInitialMode: return "the initial mode is not in mode-set";
    case FormatError::kBadPacketTime: return "ptime is not one this codec can be sent with";
    case FormatError::kBadOpusParameter: return "an Opus parameter is out of range";
  }
  return "";
}

}  // namespace byon::codec
