#pragma once

#include <cstdint>

#include "dataplane/amr_wb/tables.h"

namespace byon::amr_wb {

// The fixed-point operators of TS 26.173 on lanes, with vo-amrwbenc's choices of where to saturate
// and where to wrap. V is a Lanes type; 16-bit quantities are kept sign-extended in 32 bits.

constexpr int32_t kMax32 = 0x7fffffff;
constexpr int32_t kMin32 = -kMax32 - 1;

// What a 16-bit variable keeps.
template <class V>
inline V Wrap16(V a) {
  return (a << 16) >> 16;
}

// The product of the low halves: the high half of `b` must not count.
template <class V>
inline V Multiply16(V a, V b) {
  return MultiplyAddPairs(a, b & V(0xffff));
}

template <class V>
inline V MultiplyQ15(V a, V b) {
  return Multiply16(a, b) >> 15;
}

template <class V>
inline V MultiplyRoundQ15(V a, V b) {
  return (Multiply16(a, b) + V(0x4000)) >> 15;
}

template <class V>
inline V RoundHigh(V a) {
  return (a + V(0x8000)) >> 16;
}

template <class V>
inline V SaturatedRoundHigh(V a) {
  return (Min(a, V(kMax32 - 0x8000)) + V(0x8000)) >> 16;
}

template <class V>
inline V Saturate16(V a) {
  return Min(Max(a, V(-32768)), V(32767));
}

template <class V>
inline V SaturatedAdd(V a, V b) {
  const V sum = a + b;
  const V limit = (a >> 31) ^ V(kMax32);
  return Select(((a ^ sum) & (b ^ sum)) < V(0), limit, sum);
}

template <class V>
inline V SaturatedSubtract(V a, V b) {
  const V difference = a - b;
  const V limit = (a >> 31) ^ V(kMax32);
  return Select(((a ^ b) & (a ^ difference)) < V(0), limit, difference);
}

template <class V>
inline V SaturatedNegate(V a) {
  return V(0) - Max(a, V(-kMax32));
}

template <class V>
inline V Abs32(V a) {
  return Max(a, SaturatedNegate(a));
}

template <class V>
inline V Abs16(V a) {
  return Min(Max(a, V(0) - a), V(32767));
}

// Left by a constant 0 < n < 31, saturated.
template <int n, class V>
inline V SaturatedShiftLeft(V a) {
  const V shifted = Max(Min(a, V(kMax32 >> n)), V(kMin32 >> n)) << n;
  return Select(a > V(kMax32 >> n), V(kMax32), shifted);
}

// Left by a constant 0 < n < 16, saturated, rounded to its upper half, saturated.
template <int n, class V>
inline V ShiftLeftRoundHigh(V a) {
  const V in_range = Max(Min(a, V((kMax32 - 0x8000) >> n)), V(kMin32 >> n));
  return (in_range + V(0x8000 >> n)) >> (16 - n);
}

// Left by n, or right where n is negative; saturated.
template <class V>
inline V SaturatedShift(V a, V n) {
  const V left = Min(Max(n, V(0)), V(31));
  const V shifted = a << left;
  const V limit = (a >> 31) ^ V(kMax32);
  const V up = Select((shifted >> left) == a, shifted, limit);
  return Select(n > V(0), up, a >> Min(V(0) - Min(n, V(0)), V(31)));
}

// A 16-bit number left by n, or right where n is negative; saturated to 16 bits.
template <class V>
inline V SaturatedShift16(V a, V n) {
  const V up = Saturate16(a << Min(Max(n, V(0)), V(15)));
  return Select(n > V(0), up, a >> Min(V(0) - Min(n, V(0)), V(31)));
}

// Plain shifts of C on x86: only five bits of the count matter.
template <class V>
inline V ShiftLeftModulo(V a, V n) {
  return a << (n & V(31));
}
template <class V>
inline V ShiftRightModulo(V a, V n) {
  return a >> (n & V(31));
}

// How far a number can go left without overflow; 0 for 0.
template <class V>
inline V Norm32(V a) {
  return Select(a == V(0), V(0), LeadingZeros(a ^ (a >> 31)) - V(1));
}
template <class V>
inline V Norm16(V a) {
  return Select(a == V(0), V(0), LeadingZeros(a ^ (a >> 31)) - V(17));
}

// a / b in Q15: floor for 0 <= a < b, 32767 for whatever has no answer.
template <class V>
inline V DivideQ15(V a, V b) {
  const auto has_answer = (a >= V(0)) & (b > a);
  const V numerator = Select(has_answer, a << 15, V(0));
  const V denominator = Select(has_answer, b, V(1));
  V quotient = NearQuotient(numerator, denominator);
  const V rest = numerator - quotient * denominator;
  quotient = Select(rest < V(0), quotient - V(1), quotient);
  quotient = Select(rest >= denominator, quotient + V(1), quotient);
  return Select(has_answer, quotient, V(32767));
}

// Double precision format: a high half and 15 bits below it.
template <class V>
struct Double {
  V high;
  V low;
};

template <class V>
inline V HighOf(V a) {
  return a >> 16;
}
template <class V>
inline V LowOf(V a) {
  return (a & V(0xffff)) >> 1;
}
template <class V>
inline Double<V> Split(V a) {
  return {HighOf(a), LowOf(a)};
}
template <class V>
inline V Join(V high, V low) {
  return (high << 16) + (low << 1);
}

template <class V>
inline V MultiplyDouble(Double<V> a, Double<V> b) {
  const V sum = Multiply16(a.high, b.high) + (Multiply16(a.high, b.low) >> 15) + (Multiply16(a.low, b.high) >> 15);
  return sum << 1;
}

template <class V>
inline V MultiplyDouble16(Double<V> a, V n) {
  return (Multiply16(a.high, n) << 1) + ((Multiply16(a.low, n) >> 15) << 1);
}

template <class V>
inline V DivideDouble(V numerator, Double<V> denominator) {
  const V approximation = DivideQ15(V(0x3fff), denominator.high);
  const V error = SaturatedSubtract(V(kMax32), MultiplyDouble16(denominator, approximation));
  const V inverse = MultiplyDouble16(Split(error), approximation);
  return SaturatedShiftLeft<2>(MultiplyDouble(Split(numerator), Split(inverse)));
}

// A number as mantissa and exponent.
template <class V>
struct Scaled {
  V mantissa;
  V exponent;
};

template <class V>
inline V Between(V a, int low, int high) {
  return Min(Max(a, V(low)), V(high));
}

// 1 / sqrt(x) by a table and linear interpolation; x is normalized.
template <class V>
inline Scaled<V> InverseSquareRoot(V x, V exponent) {
  const auto is_positive = x > V(0);
  const V fraction = Select((exponent & V(1)) == V(1), x >> 1, x);
  const V root_exponent = V(0) - ((exponent - V(1)) >> 1);
  const V index = Between((fraction >> 25) - V(16), 0, 47);
  const V weight = (fraction >> 10) & V(0x7fff);
  const V here = V::Gather(kInverseSquareRoot, index);
  const V next = V::Gather(kInverseSquareRoot + 1, index);
  const V root = (here << 16) - (Multiply16(here - next, weight) << 1);
  return {Select(is_positive, root, V(kMax32)), Select(is_positive, root_exponent, V(0))};
}

// log2(x) as integer part and Q15 fraction; 0 for what has no logarithm.
template <class V>
inline Scaled<V> Logarithm(V x) {
  const V norm = Norm32(x);
  const V fraction = x << norm;
  const auto is_positive = fraction > V(0);
  const V index = Between((fraction >> 25) - V(32), 0, 31);
  const V weight = (fraction >> 10) & V(0x7fff);
  const V here = V::Gather(kLogarithm, index);
  const V next = V::Gather(kLogarithm + 1, index);
  const V value = ((here << 16) - (Multiply16(here - next, weight) << 1)) >> 16;
  return {Select(is_positive, value, V(0)), Select(is_positive, V(30) - norm, V(0))};
}

// 2^(14 + fraction), fraction in Q15.
template <class V>
inline V PowerOfTwo14(V fraction) {
  const V scaled = fraction << 6;
  const V index = Between(scaled >> 16, 0, 31);
  const V weight = (scaled >> 1) & V(0x7fff);
  const V here = V::Gather(kPowerOfTwo, index);
  const V next = V::Gather(kPowerOfTwo + 1, index);
  const V value = (here << 16) - (Multiply16(here - next, weight) << 1);
  return (value + V(0x8000)) >> 16;
}

}  // namespace byon::amr_wb
