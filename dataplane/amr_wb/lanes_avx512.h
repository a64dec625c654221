#pragma once

#include <immintrin.h>

#include <cstdint>

namespace byon::amr_wb {

// Sixteen 32-bit integers, one a call. Include only where the compiler may use AVX-512 F, BW, DQ,
// VL and CD. All arithmetic wraps; fixed_point.h builds the saturating operations from it.
struct Lanes16 {
  static constexpr int kLanes = 16;

  struct Mask {
    __mmask16 bits;
    friend Mask operator&(Mask a, Mask b) { return {_kand_mask16(a.bits, b.bits)}; }
    friend Mask operator|(Mask a, Mask b) { return {_kor_mask16(a.bits, b.bits)}; }
    friend Mask operator^(Mask a, Mask b) { return {_kxor_mask16(a.bits, b.bits)}; }
    friend Mask operator~(Mask a) { return {_knot_mask16(a.bits)}; }
  };

  __m512i v;

  Lanes16() = default;
  Lanes16(__m512i value) : v(value) {}
  Lanes16(int32_t value) : v(_mm512_set1_epi32(value)) {}

  friend Lanes16 operator+(Lanes16 a, Lanes16 b) { return _mm512_add_epi32(a.v, b.v); }
  friend Lanes16 operator-(Lanes16 a, Lanes16 b) { return _mm512_sub_epi32(a.v, b.v); }
  friend Lanes16 operator*(Lanes16 a, Lanes16 b) { return _mm512_mullo_epi32(a.v, b.v); }
  friend Lanes16 operator&(Lanes16 a, Lanes16 b) { return _mm512_and_si512(a.v, b.v); }
  friend Lanes16 operator|(Lanes16 a, Lanes16 b) { return _mm512_or_si512(a.v, b.v); }
  friend Lanes16 operator^(Lanes16 a, Lanes16 b) { return _mm512_xor_si512(a.v, b.v); }
  friend Lanes16 operator~(Lanes16 a) { return a ^ Lanes16(-1); }
  friend Lanes16 operator<<(Lanes16 a, int n) { return _mm512_slli_epi32(a.v, unsigned(n)); }
  friend Lanes16 operator>>(Lanes16 a, int n) { return _mm512_srai_epi32(a.v, unsigned(n)); }
  // A count of 32 or more leaves 0, or the sign.
  friend Lanes16 operator<<(Lanes16 a, Lanes16 n) { return _mm512_sllv_epi32(a.v, n.v); }
  friend Lanes16 operator>>(Lanes16 a, Lanes16 n) { return _mm512_srav_epi32(a.v, n.v); }

  friend Mask operator>(Lanes16 a, Lanes16 b) { return {_mm512_cmpgt_epi32_mask(a.v, b.v)}; }
  friend Mask operator<(Lanes16 a, Lanes16 b) { return {_mm512_cmplt_epi32_mask(a.v, b.v)}; }
  friend Mask operator>=(Lanes16 a, Lanes16 b) { return {_mm512_cmpge_epi32_mask(a.v, b.v)}; }
  friend Mask operator<=(Lanes16 a, Lanes16 b) { return {_mm512_cmple_epi32_mask(a.v, b.v)}; }
  friend Mask operator==(Lanes16 a, Lanes16 b) { return {_mm512_cmpeq_epi32_mask(a.v, b.v)}; }
  friend Mask operator!=(Lanes16 a, Lanes16 b) { return {_mm512_cmpneq_epi32_mask(a.v, b.v)}; }

  friend Lanes16 Min(Lanes16 a, Lanes16 b) { return _mm512_min_epi32(a.v, b.v); }
  friend Lanes16 Max(Lanes16 a, Lanes16 b) { return _mm512_max_epi32(a.v, b.v); }
  friend Lanes16 Select(Mask m, Lanes16 yes, Lanes16 no) { return _mm512_mask_blend_epi32(m.bits, no.v, yes.v); }
  friend bool Any(Mask m) { return m.bits != 0; }

  // The low halves' product plus the high halves' product, each half a signed 16-bit number.
  friend Lanes16 MultiplyAddPairs(Lanes16 a, Lanes16 b) { return _mm512_madd_epi16(a.v, b.v); }
  friend Lanes16 SubtractPairs(Lanes16 a, Lanes16 b) { return _mm512_sub_epi16(a.v, b.v); }
  // The low half of `a` below the low half of `b`.
  friend Lanes16 Pair(Lanes16 a, Lanes16 b) {
    return _mm512_mask_blend_epi16(0xAAAAAAAA, a.v, _mm512_slli_epi32(b.v, 16));
  }
  // The low half of `a` below the high half of `b`.
  friend Lanes16 PairWithHigh(Lanes16 a, Lanes16 b) { return _mm512_mask_blend_epi16(0xAAAAAAAA, a.v, b.v); }
  friend Lanes16 LeadingZeros(Lanes16 a) { return _mm512_lzcnt_epi32(a.v); }
  // floor(a / b) or one beside it, for 0 <= a < 2^30 and 0 < b < 2^15.
  friend Lanes16 NearQuotient(Lanes16 a, Lanes16 b) {
    return _mm512_cvttps_epi32(_mm512_div_ps(_mm512_cvtepi32_ps(a.v), _mm512_cvtepi32_ps(b.v)));
  }

  static Lanes16 Gather(const int32_t* base, Lanes16 index) { return _mm512_i32gather_epi32(index.v, base, 4); }
  static Lanes16 Load(const void* from) { return _mm512_loadu_si512(from); }
  void Store(void* to) const { _mm512_storeu_si512(to, v); }
  static Lanes16 LaneNumbers() { return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15); }
  static Mask FirstLanes(int count) { return {static_cast<__mmask16>((1u << count) - 1)}; }

  // Rows become columns.
  static void Transpose(Lanes16 (&r)[16]) {
    __m512i t[16];
    for (int i = 0; i < 16; i += 4) {
      const __m512i a = _mm512_unpacklo_epi32(r[i].v, r[i + 1].v);
      const __m512i b = _mm512_unpackhi_epi32(r[i].v, r[i + 1].v);
      const __m512i c = _mm512_unpacklo_epi32(r[i + 2].v, r[i + 3].v);
      const __m512i d = _mm512_unpackhi_epi32(r[i + 2].v, r[i + 3].v);
      t[i] = _mm512_unpacklo_epi64(a, c);
      t[i + 1] = _mm512_unpackhi_epi64(a, c);
      t[i + 2] = _mm512_unpacklo_epi64(b, d);
      t[i + 3] = _mm512_unpackhi_epi64(b, d);
    }
    for (int i = 0; i < 4; ++i) {
      const __m512i a = _mm512_shuffle_i32x4(t[i], t[i + 4], 0x88);
      const __m512i b = _mm512_shuffle_i32x4(t[i], t[i + 4], 0xDD);
      const __m512i c = _mm512_shuffle_i32x4(t[i + 8], t[i + 12], 0x88);
      const __m512i d = _mm512_shuffle_i32x4(t[i + 8], t[i + 12], 0xDD);
      r[i] = _mm512_shuffle_i32x4(a, c, 0x88);
      r[i + 4] = _mm512_shuffle_i32x4(b, d, 0x88);
      r[i + 8] = _mm512_shuffle_i32x4(a, c, 0xDD);
      r[i + 12] = _mm512_shuffle_i32x4(b, d, 0xDD);
    }
  }
};

}  // namespace byon::amr_wb
