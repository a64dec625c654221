#pragma once

#include <cstdint>

#include "dataplane/amr_wb/fixed_point.h"

namespace byon::amr_wb {

// Between lanes (one sample of every call) and rows (all samples of one call). What shifts by a
// distance of its own in each call is cheaper in rows.

// Writes in[0], in[stride] ... as columns: `count` words a row, rows `row_words` apart.
template <class V>
inline void StoreRows(const V* in, int stride, int count, int32_t* rows, int row_words) {
  for (int block = 0; block < count; block += V::kLanes) {
    V t[V::kLanes];
    for (int i = 0; i < V::kLanes; ++i) t[i] = in[(block + i) * stride];
    V::Transpose(t);
    for (int lane = 0; lane < V::kLanes; ++lane) t[lane].Store(rows + lane * row_words + block);
  }
}

// Reads `count` words a row into out[0], out[stride] ...
template <class V>
inline void LoadRows(const void* rows, int row_bytes, int count, V* out, int stride) {
  const char* const bytes = static_cast<const char*>(rows);
  for (int block = 0; block < count; block += V::kLanes) {
    V t[V::kLanes];
    for (int lane = 0; lane < V::kLanes; ++lane) {
      t[lane] = V::Load(bytes + lane * row_bytes + block * 4);
    }
    V::Transpose(t);
    for (int i = 0; i < V::kLanes; ++i) out[(block + i) * stride] = t[i];
  }
}

// One number a lane, in memory.
template <class V>
struct LaneValues {
  alignas(64) int32_t value[V::kLanes];
  explicit LaneValues(V v) { v.Store(value); }
  int32_t operator[](int lane) const { return value[lane]; }
};

template <class V>
inline LaneValues<V> LaneFlags(typename V::Mask mask) {
  return LaneValues<V>(Select(mask, V(1), V(0)));
}

}  // namespace byon::amr_wb
