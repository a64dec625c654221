#pragma once

#include "dataplane/amr_wb/filters.h"

namespace byon::amr_wb {

// Split two-stage vector quantization of the ISFs with prediction from the frame before (TS 26.190
// section 5.2.5). The best four of the first stage meet the whole of the second.

constexpr int kSurvivors = 4;
constexpr int kMinIsfDistance = 128;  // 50 Hz

// The vector as pairs, the last one with a zero where n is odd.
template <int n, class V>
inline void PairVector(const V* x, V* pairs) {
  for (int j = 0; j < n / 2; ++j) pairs[j] = Pair(x[2 * j], x[2 * j + 1]);
  if (n % 2 != 0) pairs[n / 2] = Pair(x[n - 1], V(0));
}

template <int n, class V>
inline V SquaredDistance(const V* pairs, const int32_t* entry) {
  V sum(0);
  for (int j = 0; j < (n + 1) / 2; ++j) {
    const int32_t next = 2 * j + 1 < n ? entry[2 * j + 1] : 0;
    const V difference = SubtractPairs(pairs[j], V(PairOf(entry[2 * j], next)));
    sum = sum + MultiplyAddPairs(difference, difference);
  }
  return sum << 1;
}

template <int n, int size, class V>
inline void FindSurvivors(const V* x, const int32_t* book, V (&index)[kSurvivors]) {
  V pairs[(n + 1) / 2], distance[kSurvivors];
  PairVector<n>(x, pairs);
  for (int k = 0; k < kSurvivors; ++k) {
    distance[k] = V(kMax32);
    index[k] = V(k);
  }
  for (int i = 0; i < size; ++i) {
    const V here = SquaredDistance<n>(pairs, book + i * n);
    V carried = here, carried_index = V(i);
    if (!Any(here < distance[kSurvivors - 1])) continue;
    auto is_better = V(0) > V(0);
    for (int k = 0; k < kSurvivors; ++k) {
      // Whatever follows the place moves down one.
      is_better = is_better | (carried < distance[k]);
      const V old = distance[k], old_index = index[k];
      distance[k] = Select(is_better, carried, old);
      index[k] = Select(is_better, carried_index, old_index);
      carried = Select(is_better, old, carried);
      carried_index = Select(is_better, old_index, carried_index);
    }
  }
}

template <class V>
struct NearestEntry {
  V index;
  V distance;
};

template <int n, int size, class V>
inline NearestEntry<V> FindNearest(const V* x, const int32_t* book) {
  V pairs[(n + 1) / 2];
  PairVector<n>(x, pairs);
  NearestEntry<V> best{V(0), V(kMax32)};
  for (int i = 0; i < size; ++i) {
    const V here = SquaredDistance<n>(pairs, book + i * n);
    const auto is_better = here < best.distance;
    best.distance = Select(is_better, here, best.distance);
    best.index = Select(is_better, V(i), best.index);
  }
  return best;
}

// x minus the chosen entry of the first stage.
template <int n, class V>
inline void SubtractEntry(const V* x, const int32_t* book, V index, V* rest) {
  for (int j = 0; j < n; ++j) rest[j] = x[j] - V::Gather(book + j, index * V(n));
}
template <int n, class V>
inline void AddEntry(V* x, const int32_t* book, V index) {
  for (int j = 0; j < n; ++j) x[j] = Wrap16(x[j] + V::Gather(book + j, index * V(n)));
}

// Keeps `candidate` where the distance is the smallest so far.
template <int count, class V>
inline void KeepBetter(V& distance, V candidate_distance, const V (&candidate)[count], V* const (&chosen)[count]) {
  const auto is_better = candidate_distance < distance;
  distance = Select(is_better, candidate_distance, distance);
  for (int i = 0; i < count; ++i) *chosen[i] = Select(is_better, candidate[i], *chosen[i]);
}

// Quantizes with 46 bits; index takes 7 values. `decoded` takes the sum of the entries.
template <class V>
inline void QuantizeIsf46(const V* x, V (&index)[7], V* decoded) {
  V survivors[kSurvivors], rest[9];
  for (V& i : index) i = V(0);
  FindSurvivors<9, 256>(x, kIsfStage1Low, survivors);
  V distance(kMax32);
  for (int k = 0; k < kSurvivors; ++k) {
    SubtractEntry<9>(x, kIsfStage1Low, survivors[k], rest);
    const auto a = FindNearest<3, 64>(rest, kIsf46Split1);
    const auto b = FindNearest<3, 128>(rest + 3, kIsf46Split2);
    const auto c = FindNearest<3, 128>(rest + 6, kIsf46Split3);
    KeepBetter<4, V>(distance, a.distance + b.distance + c.distance, {survivors[k], a.index, b.index, c.index},
                     {&index[0], &index[2], &index[3], &index[4]});
  }
  FindSurvivors<7, 256>(x + 9, kIsfStage1High, survivors);
  distance = V(kMax32);
  for (int k = 0; k < kSurvivors; ++k) {
    SubtractEntry<7>(x + 9, kIsfStage1High, survivors[k], rest);
    const auto a = FindNearest<3, 32>(rest, kIsf46Split4);
    const auto b = FindNearest<4, 32>(rest + 3, kIsf46Split5);
    KeepBetter<3, V>(distance, a.distance + b.distance, {survivors[k], a.index, b.index},
                     {&index[1], &index[5], &index[6]});
  }
  for (int i = 0; i < kOrder; ++i) decoded[i] = V(0);
  AddEntry<9>(decoded, kIsfStage1Low, index[0]);
  AddEntry<7>(decoded + 9, kIsfStage1High, index[1]);
  AddEntry<3>(decoded, kIsf46Split1, index[2]);
  AddEntry<3>(decoded + 3, kIsf46Split2, index[3]);
  AddEntry<3>(decoded + 6, kIsf46Split3, index[4]);
  AddEntry<3>(decoded + 9, kIsf46Split4, index[5]);
  AddEntry<4>(decoded + 12, kIsf46Split5, index[6]);
}

// The same with 36 bits; index takes 5 values (the last two stay 0).
template <class V>
inline void QuantizeIsf36(const V* x, V (&index)[7], V* decoded) {
  V survivors[kSurvivors], rest[9];
  for (V& i : index) i = V(0);
  FindSurvivors<9, 256>(x, kIsfStage1Low, survivors);
  V distance(kMax32);
  for (int k = 0; k < kSurvivors; ++k) {
    SubtractEntry<9>(x, kIsfStage1Low, survivors[k], rest);
    const auto a = FindNearest<5, 128>(rest, kIsf36Split1);
    const auto b = FindNearest<4, 128>(rest + 5, kIsf36Split2);
    KeepBetter<3, V>(distance, a.distance + b.distance, {survivors[k], a.index, b.index},
                     {&index[0], &index[2], &index[3]});
  }
  FindSurvivors<7, 256>(x + 9, kIsfStage1High, survivors);
  distance = V(kMax32);
  for (int k = 0; k < kSurvivors; ++k) {
    SubtractEntry<7>(x + 9, kIsfStage1High, survivors[k], rest);
    const auto a = FindNearest<7, 64>(rest, kIsf36Split3);
    KeepBetter<2, V>(distance, a.distance, {survivors[k], a.index}, {&index[1], &index[4]});
  }
  for (int i = 0; i < kOrder; ++i) decoded[i] = V(0);
  AddEntry<9>(decoded, kIsfStage1Low, index[0]);
  AddEntry<7>(decoded + 9, kIsfStage1High, index[1]);
  AddEntry<5>(decoded, kIsf36Split1, index[2]);
  AddEntry<4>(decoded + 5, kIsf36Split2, index[3]);
  AddEntry<7>(decoded + 9, kIsf36Split3, index[4]);
}

// Quantizes isf in place, with 36 bits where `is_short` says so, and updates the prediction memory.
template <class V>
inline void QuantizeIsf(V* isf, typename V::Mask is_short, V* past_residual, V (&index)[7]) {
  V x[kOrder], predicted[kOrder], decoded[kOrder];
  for (int i = 0; i < kOrder; ++i) {
    predicted[i] = MultiplyAddPairs(past_residual[i], V(10923)) >> 15;  // a third
    x[i] = Wrap16(isf[i] - V(kIsfMean[i]) - predicted[i]);
  }
  if (Any(~is_short)) QuantizeIsf46(x, index, decoded);
  if (Any(is_short)) {
    V short_index[7], short_decoded[kOrder];
    QuantizeIsf36(x, short_index, short_decoded);
    const bool is_all_short = !Any(~is_short);
    for (int i = 0; i < 7; ++i) {
      index[i] = is_all_short ? short_index[i] : Select(is_short, short_index[i], index[i]);
    }
    for (int i = 0; i < kOrder; ++i) {
      decoded[i] = is_all_short ? short_decoded[i] : Select(is_short, short_decoded[i], decoded[i]);
    }
  }
  V minimum(kMinIsfDistance);
  for (int i = 0; i < kOrder; ++i) {
    isf[i] = Wrap16(decoded[i] + V(kIsfMean[i]) + predicted[i]);
    past_residual[i] = decoded[i];
    if (i == kOrder - 1) break;
    isf[i] = Max(isf[i], minimum);
    minimum = Wrap16(isf[i] + V(kMinIsfDistance));
  }
}

}  // namespace byon::amr_wb
