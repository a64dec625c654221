#include "dataplane/amr_wb/comfort_noise.h"

#include <algorithm>
#include <bit>

#include "dataplane/amr_wb/tables.h"

namespace byon::amr_wb {
namespace {

constexpr int kMinDistance = 128;

int16_t Saturate16(int32_t a) { return static_cast<int16_t>(std::clamp(a, -32768, 32767)); }
int32_t Saturate32(int64_t a) { return static_cast<int32_t>(std::clamp<int64_t>(a, INT32_MIN, INT32_MAX)); }
// What an int32_t keeps.
int32_t Wrap32(int64_t a) { return static_cast<int32_t>(static_cast<uint32_t>(a)); }
int16_t Wrap16(int32_t a) { return static_cast<int16_t>(static_cast<uint16_t>(a)); }

int Norm(int32_t a) {
  if (a == 0) return 0;
  return std::countl_zero(static_cast<uint32_t>(a ^ (a >> 31))) - 1;
}

struct Logarithm {
  int exponent;
  int fraction;  // Q15
};
Logarithm Log2(int32_t x) {
  if (x <= 0) return {0, 0};
  const int norm = Norm(x);
  const int32_t mantissa = x << norm;
  const int i = (mantissa >> 25) - 32;
  const int weight = (mantissa >> 10) & 0x7fff;
  const int32_t value = (kLogarithm[i] << 16) - (((kLogarithm[i] - kLogarithm[i + 1]) * weight) * 2);
  return {30 - norm, value >> 16};
}

// 2^exponent with a fraction in Q15.
int32_t Power2(int exponent, int fraction) {
  const int32_t scaled = fraction * 64;
  const int i = scaled >> 16;
  const int weight = (scaled >> 1) & 0x7fff;
  const int32_t value = (kPowerOfTwo[i] << 16) - (((kPowerOfTwo[i] - kPowerOfTwo[i + 1]) * weight) * 2);
  const int shift = 30 - exponent;
  return Wrap32(int64_t{value} + (int64_t{1} << (shift - 1))) >> shift;
}

// 1 / sqrt of a normalized mantissa with its exponent; Q31 and the exponent of the result.
int32_t InverseSquareRoot(int32_t x, int& exponent) {
  if (x <= 0) {
    exponent = 0;
    return INT32_MAX;
  }
  if ((exponent & 1) == 1) x >>= 1;
  exponent = -((exponent - 1) >> 1);
  const int i = (x >> 25) - 16;
  const int weight = (x >> 10) & 0x7fff;
  return (kInverseSquareRoot[i] << 16) - (((kInverseSquareRoot[i] - kInverseSquareRoot[i + 1]) * weight) * 2);
}

// Replaces x by the nearest of `size` vectors of n.
int Quantize(int16_t* x, const int32_t* book, int n, int size) {
  int32_t smallest = INT32_MAX;
  int best = 0;
  for (int i = 0; i < size; ++i) {
    int64_t sum = 0;
    for (int j = 0; j < n; ++j) {
      const int32_t difference = Wrap16(x[j] - book[i * n + j]);
      sum += int64_t{difference} * difference * 2;
    }
    const int32_t distance = Wrap32(sum);
    if (distance < smallest) {
      smallest = distance;
      best = i;
    }
  }
  for (int j = 0; j < n; ++j) x[j] = static_cast<int16_t>(book[best * n + j]);
  return best;
}

}  // namespace

void FrameBits::Put(uint32_t value, int bits) {
  for (int i = bits - 1; i >= 0; --i) bit_[count_++] = static_cast<uint8_t>(value >> i & 1);
}
uint8_t FrameBits::At(int i) const { return bit_[i]; }
void FrameBits::Clear() { count_ = 0; }
void FrameBits::Zero() {
  for (int i = 0; i < count_; ++i) bit_[i] = 0;
}

ComfortNoise::ComfortNoise() { Reset(); }

void ComfortNoise::Reset() {
  for (auto& isf : isf_) {
    for (int i = 0; i < kOrder; ++i) isf[i] = static_cast<int16_t>(kInitialIsf[i]);
  }
  std::ranges::fill(log_energy_, int16_t{0});
  std::ranges::fill(distance_, 0);
  std::ranges::fill(distance_sum_, 0);
  newest_ = 0;
  seed_ = 21845;
}

void ComfortNoise::Follow(const int32_t* isf, int32_t energy, int mode) {
  // What a mode's speech has more than its noise should have, Q7.
  constexpr int16_t kReduction[kModes] = {230, 179, 141, 128, 122, 115, 115, 115, 115};
  newest_ = (newest_ + 1) % kFrames;
  for (int i = 0; i < kOrder; ++i) isf_[newest_][i] = Wrap16(isf[i]);
  const Logarithm log = Log2(energy);
  const int16_t q7 = Saturate16(Saturate16(log.exponent * 128) + (log.fraction >> 8));
  log_energy_[newest_] = Saturate16(q7 - (1024 + kReduction[mode]));
}

ComfortNoise::Outliers ComfortNoise::FindOutliers() {
  // The oldest frame leaves the triangle of distances.
  int step = kFrames - 1;
  int place = -1;
  for (int i = 0; i < kFrames - 1; ++i) {
    place += step--;
    distance_sum_[i] = Saturate32(int64_t{distance_sum_[i]} - distance_[place]);
  }
  for (int i = kFrames - 1; i > 0; --i) distance_sum_[i] = distance_sum_[i - 1];
  distance_sum_[0] = 0;
  int column = 0;
  for (int i = 27; i >= 12; i -= column) {
    ++column;
    for (int j = column; j > 0; --j) distance_[i - j + 1] = distance_[i - j - column];
  }
  for (int i = 1; i < kFrames; ++i) {
    const int16_t* const other = isf_[(newest_ + kFrames - i) % kFrames];
    int32_t sum = 0;
    for (int j = 0; j < kOrder; ++j) {
      const int32_t difference = Saturate16(isf_[newest_][j] - other[j]);
      sum = Saturate32(int64_t{sum} + Wrap32(int64_t{difference} * difference * 2));
    }
    distance_[i - 1] = sum;
    distance_sum_[0] = Saturate32(int64_t{distance_sum_[0]} + sum);
    distance_sum_[i] = Saturate32(int64_t{distance_sum_[i]} + sum);
  }

  int32_t largest = distance_sum_[0], smallest = largest, second = -INT32_MAX;
  Outliers found{0, -1, 0};
  for (int i = 1; i < kFrames; ++i) {
    if (distance_sum_[i] > largest) {
      found.largest = i;
      largest = distance_sum_[i];
    }
    if (distance_sum_[i] < smallest) {
      found.smallest = i;
      smallest = distance_sum_[i];
    }
  }
  for (int i = 0; i < kFrames; ++i) {
    if (distance_sum_[i] > second && i != found.largest) {
      found.second = i;
      second = distance_sum_[i];
    }
  }
  const auto to_history = [this](int age) {
    const int at = newest_ - age;
    return at < 0 ? at + kFrames : at;
  };
  found = {to_history(found.largest), to_history(found.second), to_history(found.smallest)};

  // Outliers are at 2.25 times the smallest sum of distances.
  const int norm = Norm(largest);
  const auto is_near = [&](int32_t sum) {
    const int32_t rounded = Saturate32(int64_t{sum} + 0x8000) >> 16;
    return Wrap32(int64_t{rounded} * 14564 * 2) <= Wrap32(int64_t{smallest} << norm);
  };
  if (is_near(Wrap32(int64_t{largest} << norm))) found.largest = -1;
  if (is_near(Saturate32(int64_t{second} << norm))) found.second = -1;
  return found;
}

bool ComfortNoise::IsUnsteady() const {
  int32_t spectrum = 0;
  for (const int32_t sum : distance_sum_) spectrum = Saturate32(int64_t{spectrum} + sum);
  if (spectrum >> 26 > 0) return true;
  int16_t mean = 0;
  for (const int16_t energy : log_energy_) mean = Saturate16(mean + energy);
  mean = static_cast<int16_t>(mean >> 3);
  int16_t spread = 0;
  for (const int16_t energy : log_energy_) {
    const int16_t difference = Saturate16(energy - mean);
    spread = Saturate16(spread + std::min(difference < 0 ? -difference : difference, 32767));
  }
  return spread > 180;
}

void ComfortNoise::Describe(int32_t* isf, int32_t* excitation, FrameBits& bits) {
  int16_t log_energy = 0;
  for (const int16_t energy : log_energy_) log_energy = Saturate16(log_energy + energy);

  // The mean of the history, the outliers replaced by its middle.
  const Outliers outliers = FindOutliers();
  int16_t mean[kOrder];
  for (int j = 0; j < kOrder; ++j) {
    int32_t sum = 0;
    for (int i = 0; i < kFrames; ++i) {
      const bool is_outlier = i == outliers.largest || i == outliers.second;
      sum += isf_[is_outlier ? outliers.smallest : i][j];
    }
    mean[j] = Saturate16(Wrap16(sum >> 3) - kNoiseIsfMean[j]);
  }

  // log2 of the energy, -2 to 22, in 6 bits.
  log_energy = Saturate16((log_energy >> 2) + 512);
  log_energy = static_cast<int16_t>((log_energy * 21504) >> 15);
  const int level_index = std::clamp(log_energy >> 6, 0, 63);

  bits.Put(static_cast<uint32_t>(Quantize(mean, kNoiseIsfSplit1, 2, 64)), 6);
  bits.Put(static_cast<uint32_t>(Quantize(mean + 2, kNoiseIsfSplit2, 3, 64)), 6);
  bits.Put(static_cast<uint32_t>(Quantize(mean + 5, kNoiseIsfSplit3, 3, 64)), 6);
  bits.Put(static_cast<uint32_t>(Quantize(mean + 8, kNoiseIsfSplit4, 4, 32)), 5);
  bits.Put(static_cast<uint32_t>(Quantize(mean + 12, kNoiseIsfSplit5, 4, 32)), 5);
  bits.Put(static_cast<uint32_t>(level_index), 6);
  bits.Put(IsUnsteady() ? 1 : 0, 1);

  int16_t minimum = kMinDistance;
  for (int i = 0; i < kOrder; ++i) {
    int16_t value = Saturate16(mean[i] + kNoiseIsfMean[i]);
    if (i < kOrder - 1) {
      value = std::max(value, minimum);
      minimum = Wrap16(value + kMinDistance);
    }
    isf[i] = value;
  }

  // The noise with that energy.
  const int quantized = ((level_index << 9) * 12483) >> 15;
  const int32_t level32 = Power2((quantized >> 10) + 15, Saturate16((quantized & 0x3ff) << 5));
  const int norm = Norm(level32);
  const int32_t level = Wrap32(int64_t{level32} << norm) >> 16;
  int64_t energy = 0;
  for (int i = 0; i < kFrame; ++i) {
    seed_ = Wrap16(seed_ * 31821 + 13849);
    excitation[i] = seed_ >> 4;
    energy += int64_t{excitation[i]} * excitation[i];
  }
  int32_t sum = Wrap32(energy * 2 + 1);
  const int sum_norm = Norm(sum);
  sum = Wrap32(int64_t{sum} << sum_norm);
  int exponent = 30 - sum_norm;
  const int32_t root = InverseSquareRoot(sum, exponent) >> 16;
  const int32_t gain = (level * root) >> 15;
  exponent += 15 - norm + 4;
  for (int i = 0; i < kFrame; ++i) {
    const int32_t sample = (excitation[i] * gain) >> 15;
    excitation[i] = exponent < 0 ? sample >> std::min(-exponent, 16)
                                 : Saturate16(static_cast<int32_t>(std::clamp<int64_t>(
                                       int64_t{sample} << std::min(exponent, 31), INT32_MIN, INT32_MAX)));
  }
}

}  // namespace byon::amr_wb
