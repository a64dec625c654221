#include "dataplane/quality/codec_impairment.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace byon::quality {
namespace {

struct Mode {
  double ie;
  double bpl;
};

// Ie,WB: G.113 (09/2024) appendix IV table IV.1, monotic listening; 23.85 kbit/s is worse than 23.05
// there too. Bpl: table IV.4 has 12.65 (4.3), 23.05 (4.6) and 23.85 (4.9); those of the other modes
// are drawn between them by us.
constexpr std::array<Mode, 9> kAmrWbModes{
    {{41, 4.3}, {26, 4.3}, {13, 4.3}, {10, 4.35}, {7, 4.4}, {5, 4.45}, {3, 4.5}, {1, 4.6}, {8, 4.9}}};

// G.113 appendix I has no AMR, but two of its modes under their own names: 12.2 is GSM-EFR (Ie 5,
// Bpl 10) and 7.4 is IS-641 (Ie 10). The rest is our estimate between and below them.
constexpr std::array<Mode, 8> kAmrModes{{{22, 10}, {20, 10}, {17, 10}, {14, 10}, {10, 10}, {10, 10}, {6, 10}, {5, 10}}};

// G.113 appendix I: G.711 with packet-loss concealment (its appendix I) has 25.1, without it 4.3.
constexpr CodecImpairment kG711{.is_wideband = false, .equipment_impairment = 0, .loss_robustness = 25.1};

// G.113 has no Opus. Our estimate for mono speech on the wideband scale, by bit rate; losses that
// in-band FEC repaired are no losses here, so its concealment alone counts in Bpl.
struct OpusPoint {
  double bitrate_bps;
  double ie;
};
constexpr std::array<OpusPoint, 8> kOpusPoints{
    {{6000, 50}, {8000, 38}, {12'000, 20}, {16'000, 10}, {20'000, 6}, {24'000, 3}, {32'000, 0}, {510'000, 0}}};
constexpr double kOpusBpl = 10;

double OpusImpairment(double bitrate_bps) {
  if (bitrate_bps <= kOpusPoints.front().bitrate_bps) return kOpusPoints.front().ie;
  for (size_t i = 1; i < kOpusPoints.size(); ++i) {
    const OpusPoint& low = kOpusPoints[i - 1];
    const OpusPoint& high = kOpusPoints[i];
    if (bitrate_bps > high.bitrate_bps) continue;
    const double share = (bitrate_bps - low.bitrate_bps) / (high.bitrate_bps - low.bitrate_bps);
    return low.ie + share * (high.ie - low.ie);
  }
  return kOpusPoints.back().ie;
}

// An unknown mode is taken for the one that VoLTE networks use most.
template <size_t kCount>
CodecImpairment OfMode(const std::array<Mode, kCount>& modes, int mode, int usual, bool is_wideband) {
  const bool is_known = mode >= 0 && static_cast<size_t>(mode) < kCount;
  const Mode& found = modes[static_cast<size_t>(is_known ? mode : usual)];
  return {is_wideband, found.ie, found.bpl};
}

}  // namespace

CodecImpairment ImpairmentOf(codec::Codec codec, int amr_mode, double bitrate_bps) {
  switch (codec) {
    case codec::Codec::kAmrWb: return OfMode(kAmrWbModes, amr_mode, 2, true);
    case codec::Codec::kAmr: return OfMode(kAmrModes, amr_mode, 7, false);
    case codec::Codec::kOpus: return {true, OpusImpairment(bitrate_bps > 0 ? bitrate_bps : 32'000), kOpusBpl};
    case codec::Codec::kPcmu:
    case codec::Codec::kPcma: return kG711;
  }
  return kG711;
}

}  // namespace byon::quality
