#pragma once

#include "dataplane/amr_wb/closed_loop_pitch.h"
#include "dataplane/amr_wb/pulse_target.h"

namespace byon::amr_wb {

// The algebraic codebook of 6.60 kbit/s: one pulse in each of two tracks of 32 places, all pairs
// tried (TS 26.190 section 5.8.3). index[0] takes 12 bits.
template <class V>
inline void SearchTwoTracks(V* dn, const V* cn, const V* response, CodeChoice<V>& choice) {
  constexpr int kPlaces = 32;
  V sign[kSubframe], weight[kSubframe];
  ChooseSigns<false>(dn, cn, 8192, sign, weight);

  V own[2][kPlaces], cross[kPlaces * kPlaces];
  V sum(0x10000);
  for (int i = 0; i < kPlaces; ++i) {
    for (int track = 1; track >= 0; --track) {
      const V h = response[2 * i + 1 - track];
      sum = sum + (Multiply16(h, h) << 1);
      own[track][kPlaces - 1 - i] = HighOf(sum) >> 1;
    }
  }
  for (int k = 0; k < kPlaces; ++k) {
    const int distance = 2 * k + 1;
    sum = V(0x8000);
    for (int step = 0; step < kSubframe - distance; ++step) {
      sum = sum + (Multiply16(response[step], response[step + distance]) << 1);
      const int back = step / 2;
      const int x = step % 2 == 0 ? kPlaces - 1 - k - back : kPlaces - 1 - back;
      const int y = step % 2 == 0 ? kPlaces - 1 - back : kPlaces - 2 - k - back;
      const V agree = sign[2 * x] ^ sign[2 * y + 1];
      const V factor = Select(agree == V(0), V(kPlus), V(kMinus));
      cross[kPlaces * x + y] = Wrap16(MultiplyQ15(HighOf(sum), factor));
    }
  }

  V best_square(-1), best_energy(1), ix(0), iy(1);
  for (int x = 0; x < kPlaces; ++x) {
    V found(-1);
    for (int y = 0; y < kPlaces; ++y) {
      const V correlation = Wrap16(dn[2 * x] + dn[2 * y + 1]);
      const V energy = Wrap16(own[0][x] + own[1][y] + cross[kPlaces * x + y]);
      const V square = Wrap16(MultiplyQ15(correlation, correlation));
      const V gain = (Multiply16(best_energy, square) << 1) - (Multiply16(best_square, energy) << 1);
      const auto is_better = gain > V(0);
      best_square = Select(is_better, square, best_square);
      best_energy = Select(is_better, energy, best_energy);
      found = Select(is_better, V(2 * y + 1), found);
    }
    const auto has_found = found >= V(0);
    ix = Select(has_found, V(2 * x), ix);
    iy = Select(has_found, found, iy);
  }

  const ResponseRows<V> rows(response);
  alignas(64) int16_t filtered[V::kLanes][kSubframe] = {};
  alignas(64) int16_t code[V::kLanes][kSubframe] = {};
  const LaneValues<V> px(ix), py(iy), sx(SampleAt(sign, ix)), sy(SampleAt(sign, iy));
  for (int lane = 0; lane < V::kLanes; ++lane) {
    const bool is_x_negative = sx[lane] < 0, is_y_negative = sy[lane] < 0;
    AddPulses(filtered[lane], rows.PulseAt(lane, px[lane], is_x_negative), rows.PulseAt(lane, py[lane], is_y_negative));
    code[lane][px[lane]] = is_x_negative ? -512 : 512;
    code[lane][py[lane]] = is_y_negative ? -512 : 512;
    const int x_index = px[lane] / 2 + (is_x_negative ? kPlaces : 0);
    const int y_index = py[lane] / 2 + (is_y_negative ? kPlaces : 0);
    choice.index[lane][0] = static_cast<uint32_t>((x_index << 6) + y_index);
  }
  LoadSamples(&filtered[0][0], kSubframe, choice.filtered);
  LoadSamples(&code[0][0], kSubframe, choice.code);
  for (V& y : choice.filtered) y = (y + V(4)) >> 3;
}

}  // namespace byon::amr_wb
