#pragma once

#include <immintrin.h>

#include <cstdint>

namespace byon::amr_wb {

// Eight 32-bit integers, one a call: Lanes16 for CPUs with AVX2 only (see lanes_avx512.h).
struct Lanes8 {
  static constexpr int kLanes = 8;

  struct Mask {
    __m256i bits;
    friend Mask operator&(Mask a, Mask b) { return {_mm256_and_si256(a.bits, b.bits)}; }
    friend Mask operator|(Mask a, Mask b) { return {_mm256_or_si256(a.bits, b.bits)}; }
    friend Mask operator^(Mask a, Mask b) { return {_mm256_xor_si256(a.bits, b.bits)}; }
    friend Mask operator~(Mask a) { return {_mm256_xor_si256(a.bits, _mm256_set1_epi32(-1))}; }
  };

  __m256i v;

  Lanes8() = default;
  Lanes8(__m256i value) : v(value) {}
  Lanes8(int32_t value) : v(_mm256_set1_epi32(value)) {}

  friend Lanes8 operator+(Lanes8 a, Lanes8 b) { return _mm256_add_epi32(a.v, b.v); }
  friend Lanes8 operator-(Lanes8 a, Lanes8 b) { return _mm256_sub_epi32(a.v, b.v); }
  friend Lanes8 operator*(Lanes8 a, Lanes8 b) { return _mm256_mullo_epi32(a.v, b.v); }
  friend Lanes8 operator&(Lanes8 a, Lanes8 b) { return _mm256_and_si256(a.v, b.v); }
  friend Lanes8 operator|(Lanes8 a, Lanes8 b) { return _mm256_or_si256(a.v, b.v); }
  friend Lanes8 operator^(Lanes8 a, Lanes8 b) { return _mm256_xor_si256(a.v, b.v); }
  friend Lanes8 operator~(Lanes8 a) { return a ^ Lanes8(-1); }
  friend Lanes8 operator<<(Lanes8 a, int n) { return _mm256_slli_epi32(a.v, n); }
  friend Lanes8 operator>>(Lanes8 a, int n) { return _mm256_srai_epi32(a.v, n); }
  friend Lanes8 operator<<(Lanes8 a, Lanes8 n) { return _mm256_sllv_epi32(a.v, n.v); }
  friend Lanes8 operator>>(Lanes8 a, Lanes8 n) { return _mm256_srav_epi32(a.v, n.v); }

  friend Mask operator>(Lanes8 a, Lanes8 b) { return {_mm256_cmpgt_epi32(a.v, b.v)}; }
  friend Mask operator<(Lanes8 a, Lanes8 b) { return {_mm256_cmpgt_epi32(b.v, a.v)}; }
  friend Mask operator>=(Lanes8 a, Lanes8 b) { return ~(b > a); }
  friend Mask operator<=(Lanes8 a, Lanes8 b) { return ~(a > b); }
  friend Mask operator==(Lanes8 a, Lanes8 b) { return {_mm256_cmpeq_epi32(a.v, b.v)}; }
  friend Mask operator!=(Lanes8 a, Lanes8 b) { return ~(a == b); }

  friend Lanes8 Min(Lanes8 a, Lanes8 b) { return _mm256_min_epi32(a.v, b.v); }
  friend Lanes8 Max(Lanes8 a, Lanes8 b) { return _mm256_max_epi32(a.v, b.v); }
  friend Lanes8 Select(Mask m, Lanes8 yes, Lanes8 no) { return _mm256_blendv_epi8(no.v, yes.v, m.bits); }
  friend bool Any(Mask m) { return _mm256_movemask_epi8(m.bits) != 0; }

  friend Lanes8 MultiplyAddPairs(Lanes8 a, Lanes8 b) { return _mm256_madd_epi16(a.v, b.v); }
  friend Lanes8 SubtractPairs(Lanes8 a, Lanes8 b) { return _mm256_sub_epi16(a.v, b.v); }
  friend Lanes8 Pair(Lanes8 a, Lanes8 b) { return _mm256_blend_epi16(a.v, _mm256_slli_epi32(b.v, 16), 0xAA); }
  friend Lanes8 PairWithHigh(Lanes8 a, Lanes8 b) { return _mm256_blend_epi16(a.v, b.v, 0xAA); }
  friend Lanes8 LeadingZeros(Lanes8 a) {
    // The exponent of a float, after clearing what could round it up.
    const __m256i top = _mm256_andnot_si256(_mm256_srli_epi32(a.v, 1), a.v);
    const __m256i exponent = _mm256_srli_epi32(_mm256_castps_si256(_mm256_cvtepi32_ps(top)), 23);
    const __m256i zeros = _mm256_sub_epi32(_mm256_set1_epi32(158), exponent);
    // A negative number's sign lands in the exponent: it has no leading zero.
    return _mm256_max_epi32(_mm256_min_epi32(zeros, _mm256_set1_epi32(32)), _mm256_setzero_si256());
  }
  friend Lanes8 NearQuotient(Lanes8 a, Lanes8 b) {
    return _mm256_cvttps_epi32(_mm256_div_ps(_mm256_cvtepi32_ps(a.v), _mm256_cvtepi32_ps(b.v)));
  }

  static Lanes8 Gather(const int32_t* base, Lanes8 index) { return _mm256_i32gather_epi32(base, index.v, 4); }
  static Lanes8 Load(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
  void Store(void* to) const { _mm256_storeu_si256(static_cast<__m256i*>(to), v); }
  static Lanes8 LaneNumbers() { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }
  static Mask FirstLanes(int count) { return Lanes8(count) > LaneNumbers(); }

  static void Transpose(Lanes8 (&r)[8]) {
    __m256i t[8];
    for (int i = 0; i < 8; i += 4) {
      const __m256i a = _mm256_unpacklo_epi32(r[i].v, r[i + 1].v);
      const __m256i b = _mm256_unpackhi_epi32(r[i].v, r[i + 1].v);
      const __m256i c = _mm256_unpacklo_epi32(r[i + 2].v, r[i + 3].v);
      const __m256i d = _mm256_unpackhi_epi32(r[i + 2].v, r[i + 3].v);
      t[i] = _mm256_unpacklo_epi64(a, c);
      t[i + 1] = _mm256_unpackhi_epi64(a, c);
      t[i + 2] = _mm256_unpacklo_epi64(b, d);
      t[i + 3] = _mm256_unpackhi_epi64(b, d);
    }
    for (int i = 0; i < 4; ++i) {
      r[i] = _mm256_permute2x128_si256(t[i], t[i + 4], 0x20);
      r[i + 4] = _mm256_permute2x128_si256(t[i], t[i + 4], 0x31);
    }
  }
};

}  // namespace byon::amr_wb
