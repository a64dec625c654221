#pragma once

#include "dataplane/amr_wb/closed_loop_pitch.h"
#include "dataplane/amr_wb/pulse_index.h"
#include "dataplane/amr_wb/pulse_target.h"

namespace byon::amr_wb {

// The algebraic codebook of four tracks of 16 places, 4 to 24 pulses (TS 26.190 section 5.8.3):
// pulses are placed two at a time, in neighbouring tracks, several times over.

constexpr int kTracks = 4;
constexpr int kPlaces = 16;  // of a track
constexpr int kMaxPulses = 24;
constexpr int kSlots = kMaxPulses / kTracks;

struct Codebook {
  int bits;
  int iterations;
  int pulses;
  int fixed_pulses;    // placed at the largest weights before the search
  int alpha;           // weight of the correlation in the choice of signs, Q15
  int candidates[10];  // places tried for the first pulse of each pair
};

// By AMR-WB mode, from 8.85 kbit/s; 6.60 kbit/s has a codebook of its own.
constexpr Codebook kCodebooks[9] = {
    {},
    {20, 4, 4, 0, 8192, {4, 8}},
    {36, 4, 8, 2, 4096, {4, 8, 8}},
    {44, 4, 10, 2, 4096, {4, 6, 8, 8}},
    {52, 4, 12, 4, 4096, {4, 6, 8, 8}},
    {64, 3, 16, 4, 3277, {4, 4, 6, 6, 8, 8}},
    {72, 3, 18, 4, 3072, {2, 3, 4, 5, 6, 7, 8}},
    {88, 2, 24, 4, 2048, {2, 2, 3, 4, 5, 6, 7, 8, 8, 8}},
    {88, 1, 24, 4, 2048, {2, 2, 3, 4, 5, 6, 7, 8, 8, 8}},
};

// Track of pulse `pulse` in iteration `iteration`.
[[gnu::always_inline]] constexpr int TrackOf(const Codebook& book, int iteration, int pulse) {
  // With 10 and 18 pulses the last two are always in the first two tracks.
  if ((book.bits == 44 && pulse == 8) || (book.bits == 72 && pulse == 16)) return 0;
  if ((book.bits == 44 && pulse == 9) || (book.bits == 72 && pulse == 17)) return 1;
  const int place = 4 * iteration + pulse;
  return (place + place / 4) % 4;
}

template <class V>
class CodebookSearch {
 public:
  CodebookSearch(const Codebook& book, V* dn, const V* cn, const V* response) : book_(book), dn_(dn) {
    V weight[kSubframe];
    ChooseSigns<true>(dn, cn, book.alpha, sign_, weight);
    Rank(weight);
    V energy(0);
    for (int i = 0; i < kSubframe; ++i) {
      energy = energy + (Multiply16(response[i], response[i]) << 1);
    }
    shift_ = Select(HighOf(energy) > V(1024), V(book.pulses >= 12 ? 1 : 0), V(0));
    for (int i = 0; i < kSubframe; ++i) h_[i] = response[i] >> shift_;
    for (int i = 0; i < kSubframe; i += 2) h_pairs_[i / 2] = Pair(h_[i], h_[i + 1]);
    CorrelateResponse();
  }

  void Run(CodeChoice<V>& choice) {
    const ResponseRows<V> rows(h_);
    // Where no iteration is better than nothing the old filtered vector stays.
    V old_pairs[kSubframe / 2];
    for (int i = 0; i < kSubframe / 2; ++i) {
      old_pairs[i] = Pair(choice.filtered[2 * i], choice.filtered[2 * i + 1]);
    }
    StoreRows(old_pairs, 1, kSubframe / 2, reinterpret_cast<int32_t*>(&best_row_[0][0]), kSubframe / 2);
    V best[kMaxPulses];
    for (int i = 0; i < book_.pulses; ++i) best[i] = V(i);
    V best_square(-1), best_energy(1);
    ix_ = iy_ = V(0);
    for (int iteration = 0; iteration < book_.iterations; ++iteration) {
      PlaceFixed(rows, iteration);
      for (int pulse = book_.fixed_pulses, stage = 0; pulse < book_.pulses; pulse += 2, ++stage) {
        SearchPair(TrackOf(book_, iteration, pulse), book_.candidates[stage]);
        place_[pulse] = ix_;
        place_[pulse + 1] = iy_;
        AddToRows(rows, ix_, iy_);
      }
      const V square = MultiplyQ15(correlation_, correlation_);
      const V gain = (Multiply16(best_energy, square) << 1) - (Multiply16(best_square, energy_) << 1);
      const auto is_better = gain > V(0);
      best_square = Select(is_better, Wrap16(square), best_square);
      best_energy = Select(is_better, energy_, best_energy);
      for (int i = 0; i < book_.pulses; ++i) best[i] = Select(is_better, place_[i], best[i]);
      const LaneValues<V> flags = LaneFlags<V>(is_better);
      for (int lane = 0; lane < V::kLanes; ++lane) {
        if (flags[lane] == 0) continue;
        for (int i = 0; i < kSubframe; ++i) best_row_[lane][i] = row_[lane][i];
      }
    }
    Finish(best, choice);
  }

 private:
  // How many places of its track have a larger weight; the earlier of equals wins.
  void Rank(const V* weight) {
    for (int track = 0; track < kTracks; ++track) {
      for (int i = 0; i < kPlaces; ++i) rank_[track + kTracks * i] = V(0);
      for (int i = 1; i < kPlaces; ++i) {
        V& later = rank_[track + kTracks * i];
        for (int j = 0; j < i; ++j) {
          V& earlier = rank_[track + kTracks * j];
          const auto is_later_larger = weight[track + kTracks * i] > weight[track + kTracks * j];
          earlier = Select(is_later_larger, earlier + V(1), earlier);
          later = Select(is_later_larger, later, later + V(1));
        }
      }
      peak_[track] = V(0);
      for (int i = 0; i < kPlaces; ++i) {
        const int place = track + kTracks * i;
        peak_[track] = Select(rank_[place] == V(0), V(place), peak_[track]);
      }
    }
  }

  // Correlations of the response with itself, between places of the same track and of neighbouring
  // tracks; the latter with the signs of both places, ready to be added (times 2^14).
  void CorrelateResponse() {
    V sum(0x8000);
    for (int i = 0; i < kPlaces; ++i) {
      for (int track = kTracks - 1; track >= 0; --track) {
        const V h = h_[kTracks * i + kTracks - 1 - track];
        sum = sum + (Multiply16(h, h) << 1);
        own_[track][kPlaces - 1 - i] = HighOf(sum);
      }
    }
    for (int k = 0; k < kPlaces; ++k) {
      // Distance 4k + 1: tracks 2-3, 1-2, 0-1 and, a place on, 3-0.
      Walk(1 + kTracks * k, [&](int step, int& track, int& x, int& y) {
        static constexpr int kTrack[4] = {2, 1, 0, 3};
        track = kTrack[step % 4];
        const int back = step / 4;
        x = kPlaces - 1 - k - back - (track == 3 ? 1 : 0);
        y = kPlaces - 1 - back;
      });
      // Distance 4k + 3: track 3-0 and, a place on, the others backwards.
      Walk(3 + kTracks * k, [&](int step, int& track, int& x, int& y) {
        static constexpr int kTrack[4] = {3, 2, 1, 0};
        track = kTrack[step % 4];
        const int back = step / 4;
        x = kPlaces - 1 - back;
        y = kPlaces - 1 - k - back - (track == 3 ? 0 : 1);
      });
    }
  }

  template <class Place>
  void Walk(int distance, Place place) {
    V sum(0x8000);
    const int steps = kSubframe - distance;
    for (int step = 0; step < steps; ++step) {
      sum = sum + (Multiply16(h_[step], h_[step + distance]) << 1);
      int track = 0, x = 0, y = 0;
      place(step, track, x, y);
      const V agree = sign_[track + kTracks * x] ^ sign_[(track + 1) % kTracks + kTracks * y];
      const V sign = Select(agree == V(0), V(kPlus), V(kMinus));
      cross_[track][kPlaces * x + y] = Wrap16(MultiplyQ15(HighOf(sum), sign)) << 14;
    }
  }

  V SignAt(V place) const { return SampleAt(sign_, place); }

  void PlaceFixed(const ResponseRows<V>& rows, int iteration) {
    for (auto& row : row_) {
      for (int16_t& sample : row) sample = 0;
    }
    correlation_ = energy_ = V(0);
    for (int i = 0; i < book_.fixed_pulses; ++i) {
      place_[i] = peak_[TrackOf(book_, iteration, i)];
      correlation_ = Wrap16(correlation_ + SampleAt(dn_, place_[i]));
    }
    for (int i = 0; i < book_.fixed_pulses; i += 2) AddToRows(rows, place_[i], place_[i + 1]);
    if (book_.fixed_pulses == 2) {
      const int track_x = TrackOf(book_, iteration, 0), track_y = TrackOf(book_, iteration, 1);
      ix_ = place_[0];
      iy_ = place_[1];
      const V x = ix_ >> 2, y = iy_ >> 2;
      const V sum = (SampleAt(own_[track_x], x) << 13) + (SampleAt(own_[track_y], y) << 13) +
                    SampleAt(cross_[track_x], (x << 4) + y);
      energy_ = RoundHigh(sum);
    } else if (book_.fixed_pulses == 4) {
      ix_ = place_[0];
      iy_ = place_[1];
      LoadPairs();
      V sum(0);
      for (int i = 0; i < kSubframe; i += 2) sum = sum + MultiplyAddPairs(pairs_[i], pairs_[i]);
      energy_ = RoundHigh((sum << 1) >> 3);
    }
  }

  void AddToRows(const ResponseRows<V>& rows, V x, V y) {
    const LaneValues<V> px(x), py(y), sx(SignAt(x)), sy(SignAt(y));
    for (int lane = 0; lane < V::kLanes; ++lane) {
      AddPulses(row_[lane], rows.PulseAt(lane, px[lane], sx[lane] < 0), rows.PulseAt(lane, py[lane], sy[lane] < 0));
    }
  }

  // Samples of the rows as pairs from every place on.
  void LoadPairs() {
    LoadRows(&row_[0][0], sizeof row_[0], kSubframe / 2, pairs_, 2);
    LoadRows(&row_[0][1], sizeof row_[0], kSubframe / 2, pairs_ + 1, 2);
    for (int i = 0; i < kPlaces; ++i) pairs_[kSubframe + i] = V(0);
  }

  // Correlation of the pulses placed so far with one more at each place of two tracks.
  void CorrelatePlaced(int track_x, int track_y, V* cor_x, V* cor_y) const {
    for (int i = 0; i < kPlaces; i += 4) {
      const int x = track_x + kTracks * i, y = track_y + kTracks * i;
      V sum[8];
      for (V& s : sum) s = V(0);
      for (int m = 0; m < kSubframe - (x < y ? x : y); m += 2) {
        const V h = h_pairs_[m / 2];
        for (int r = 0; r < 4; ++r) {
          sum[r] = sum[r] + MultiplyAddPairs(h, pairs_[x + m + kTracks * r]);
          sum[4 + r] = sum[4 + r] + MultiplyAddPairs(h, pairs_[y + m + kTracks * r]);
        }
      }
      for (int r = 0; r < 4; ++r) {
        cor_x[i + r] = Placed(sum[r], sign_[x + kTracks * r], own_[track_x][i + r]);
        cor_y[i + r] = Placed(sum[4 + r], sign_[y + kTracks * r], own_[track_y][i + r]);
      }
    }
  }
  static V Placed(V sum, V sign, V own) { return Wrap16(MultiplyQ15(RoundHigh(sum << 2), sign) + own) << 13; }

  // The best places of two more pulses: the first of the pair at the `candidates` largest weights
  // of its track, the second anywhere in the next track.
  void SearchPair(int track_x, int candidates) {
    const int track_y = (track_x + 1) % kTracks;
    V cor_x[kPlaces], cor_y[kPlaces];
    LoadPairs();
    CorrelatePlaced(track_x, track_y, cor_x, cor_y);
    const V energy0 = (energy_ << 16) + V(0x8000);
    const V* const dn_y = dn_ + track_y;
    // The best so far as (energy, -square): one instruction multiplies crosswise.
    V best(PairOf(1, 1));
    for (int x = 0; x < kPlaces; ++x) {
      const int place = track_x + kTracks * x;
      const auto is_candidate = rank_[place] < V(candidates);
      if (!Any(is_candidate)) continue;
      const V correlation1 = correlation_ + dn_[place];
      const V energy1 = energy0 + cor_x[x];
      const V* const cross = cross_[track_x] + kPlaces * x;
      V found(-1);
      for (int y = 0; y < kPlaces; ++y) {
        const V sum = correlation1 + dn_y[kTracks * y];
        const V energy = energy1 + cor_y[y] + cross[y];
        const V square = MultiplyAddPairs(sum, sum & V(0xffff)) >> 15;
        const V gain = MultiplyAddPairs(best, PairWithHigh(square, energy)) << 1;
        const auto is_better = (gain > V(0)) & is_candidate;
        best = Select(is_better, Pair(energy >> 16, V(0) - square), best);
        found = Select(is_better, V(track_y + kTracks * y), found);
      }
      const auto has_found = found >= V(0);
      ix_ = Select(has_found, V(place), ix_);
      iy_ = Select(has_found, found, iy_);
    }
    correlation_ = Wrap16(correlation_ + SampleAt(dn_, ix_) + SampleAt(dn_, iy_));
    energy_ = Wrap16(best);
  }

  void Finish(const V* best, CodeChoice<V>& choice) {
    LoadSamples(&best_row_[0][0], kSubframe, choice.filtered);
    for (V& y : choice.filtered) y = (y + V(4)) >> 3;
    for (auto& row : row_) {
      for (int16_t& sample : row) sample = 0;
    }
    // Six slots a track. A search that found no better pair has repeated one of other tracks: then
    // a track overflows into the next slots and another keeps -1, as in the reference.
    int slots[V::kLanes][kMaxPulses];
    for (auto& lane : slots) {
      for (int& slot : lane) slot = -1;
    }
    const LaneValues<V> shift(shift_);
    for (int i = 0; i < book_.pulses; ++i) {
      const LaneValues<V> place(best[i]), sign(SignAt(best[i]));
      for (int lane = 0; lane < V::kLanes; ++lane) {
        const int track = place[lane] % kTracks;
        const bool is_negative = sign[lane] < 0;
        const int amplitude = 512 >> shift[lane];
        int16_t& sample = row_[lane][place[lane]];
        sample = static_cast<int16_t>(sample + (is_negative ? -amplitude : amplitude));
        int slot = track * kSlots;
        while (slot < kMaxPulses && slots[lane][slot] >= 0) ++slot;
        if (slot == kMaxPulses) continue;
        slots[lane][slot] = place[lane] / kTracks + (is_negative ? kPlaces : 0);
      }
    }
    LoadSamples(&row_[0][0], kRowSamples, choice.code);
    for (int lane = 0; lane < V::kLanes; ++lane) {
      for (int track = 0; track < kTracks; ++track) {
        WriteIndex(&slots[lane][track * kSlots], track, choice.index[lane]);
      }
    }
  }

  void WriteIndex(const int* p, int track, uint32_t* index) const {
    const auto split = [&](uint32_t value, int low_bits, uint32_t high_mask) {
      index[track] = (value >> low_bits) & high_mask;
      index[track + kTracks] = value & ((1u << low_bits) - 1);
    };
    switch (book_.bits) {
      case 20: index[track] = OnePulseIndex(p[0], 4); break;
      case 36: index[track] = TwoPulseIndex(p[0], p[1], 4); break;
      case 44: index[track] = track < 2 ? ThreePulseIndex(p[0], p[1], p[2], 4) : TwoPulseIndex(p[0], p[1], 4); break;
      case 52: index[track] = ThreePulseIndex(p[0], p[1], p[2], 4); break;
      case 64: split(FourPulseIndex(p, 4), 14, 3); break;
      case 72:
        if (track < 2) {
          split(FivePulseIndex(p, 4), 10, 0x3ff);
        } else {
          split(FourPulseIndex(p, 4), 14, 3);
        }
        break;
      default: split(SixPulseIndex(p, 4), 11, 0x7ff); break;
    }
  }

  static constexpr int kRowSamples = 96;  // 64 and zeros

  const Codebook book_;
  V* const dn_;
  V sign_[kSubframe], rank_[kSubframe], peak_[kTracks], shift_;
  V h_[kSubframe], h_pairs_[kSubframe / 2];
  V own_[kTracks][kPlaces], cross_[kTracks][kPlaces * kPlaces];
  V pairs_[kSubframe + kPlaces];
  V place_[kMaxPulses], ix_, iy_, correlation_, energy_;
  alignas(64) int16_t row_[V::kLanes][kRowSamples];
  alignas(64) int16_t best_row_[V::kLanes][kSubframe];
};

}  // namespace byon::amr_wb
