#include "dataplane/amr_wb/pulse_index.h"

namespace byon::amr_wb {
namespace {

constexpr int kNegative = 16;

// The pulses of the lower and of the upper half of a track, in their order.
template <int count>
struct Halves {
  int lower[count] = {};
  int upper[count] = {};
  int lower_count = 0;

  Halves(const int* pulses, int half) {
    int upper_count = 0;
    for (int i = 0; i < count; ++i) {
      if ((pulses[i] & half) == 0) {
        lower[lower_count++] = pulses[i];
      } else {
        upper[upper_count++] = pulses[i];
      }
    }
  }
};

// Four pulses that are all in the same half of a longer track: `bits` is that half's.
uint32_t FourPulsesOfHalf(const int* p, int bits) {
  const int quarter = 1 << (bits - 1);
  // Two of the first three are in the same quarter.
  int a = 1, b = 2, c = 0;
  if (((p[0] ^ p[1]) & quarter) == 0) {
    a = 0, b = 1, c = 2;
  } else if (((p[0] ^ p[2]) & quarter) == 0) {
    a = 0, b = 2, c = 1;
  }
  return TwoPulseIndex(p[a], p[b], bits - 1) + (static_cast<uint32_t>(p[a] & quarter) << bits) +
         (TwoPulseIndex(p[c], p[3], bits) << (2 * bits));
}

}  // namespace

uint32_t OnePulseIndex(int pulse, int bits) {
  const uint32_t sign = (pulse & kNegative) != 0 ? 1u << bits : 0;
  return static_cast<uint32_t>(pulse & ((1 << bits) - 1)) + sign;
}

uint32_t TwoPulseIndex(int pulse0, int pulse1, int bits) {
  const int mask = (1 << bits) - 1;
  const uint32_t place0 = static_cast<uint32_t>(pulse0 & mask);
  const uint32_t place1 = static_cast<uint32_t>(pulse1 & mask);
  const auto join = [bits](uint32_t first, uint32_t second, int signed_pulse) {
    return (first << bits) + second + ((signed_pulse & kNegative) != 0 ? 1u << (2 * bits) : 0);
  };
  // The order of the places says whether the signs agree.
  if (((pulse0 ^ pulse1) & kNegative) == 0) {
    return pulse0 <= pulse1 ? join(place0, place1, pulse0) : join(place1, place0, pulse0);
  }
  return place0 <= place1 ? join(place1, place0, pulse1) : join(place0, place1, pulse0);
}

uint32_t ThreePulseIndex(int pulse0, int pulse1, int pulse2, int bits) {
  const int half = 1 << (bits - 1);
  int a = pulse1, b = pulse2, alone = pulse0;
  if (((pulse0 ^ pulse1) & half) == 0) {
    a = pulse0, b = pulse1, alone = pulse2;
  } else if (((pulse0 ^ pulse2) & half) == 0) {
    a = pulse0, b = pulse2, alone = pulse1;
  }
  return TwoPulseIndex(a, b, bits - 1) + (static_cast<uint32_t>(a & half) << bits) +
         (OnePulseIndex(alone, bits) << (2 * bits));
}

uint32_t FourPulseIndex(const int* pulses, int bits) {
  const int half_bits = bits - 1;
  const Halves<4> halves(pulses, 1 << half_bits);
  const int* a = halves.lower;
  const int* b = halves.upper;
  uint32_t index = 0;
  switch (halves.lower_count) {
    case 0: index = (1u << (4 * bits - 3)) + FourPulsesOfHalf(b, half_bits); break;
    case 1:
      index = (OnePulseIndex(a[0], half_bits) << (3 * half_bits + 1)) + ThreePulseIndex(b[0], b[1], b[2], half_bits);
      break;
    case 2:
      index = (TwoPulseIndex(a[0], a[1], half_bits) << (2 * half_bits + 1)) + TwoPulseIndex(b[0], b[1], half_bits);
      break;
    case 3: index = (ThreePulseIndex(a[0], a[1], a[2], half_bits) << bits) + OnePulseIndex(b[0], half_bits); break;
    default: index = FourPulsesOfHalf(a, half_bits); break;
  }
  return index + (static_cast<uint32_t>(halves.lower_count & 3) << (4 * bits - 2));
}

uint32_t FivePulseIndex(const int* pulses, int bits) {
  const int half_bits = bits - 1;
  const Halves<5> halves(pulses, 1 << half_bits);
  const int* a = halves.lower;
  const int* b = halves.upper;
  const bool is_upper = halves.lower_count < 3;  // which half holds three pulses
  const int* three = is_upper ? b : a;
  int left = 0, right = 0;
  switch (halves.lower_count) {
    case 0: left = b[3], right = b[4]; break;
    case 1: left = b[3], right = a[0]; break;
    case 2: left = a[0], right = a[1]; break;
    case 3: left = b[0], right = b[1]; break;
    case 4: left = a[3], right = b[0]; break;
    default: left = a[3], right = a[4]; break;
  }
  return (is_upper ? 1u << (5 * bits - 1) : 0) +
         (ThreePulseIndex(three[0], three[1], three[2], half_bits) << (2 * bits + 1)) +
         TwoPulseIndex(left, right, bits);
}

uint32_t SixPulseIndex(const int* pulses, int bits) {
  const int half_bits = bits - 1;
  const Halves<6> halves(pulses, 1 << half_bits);
  const int* a = halves.lower;
  const int* b = halves.upper;
  const uint32_t upper_flag = 1u << (6 * bits - 5);
  uint32_t index = 0;
  uint32_t split = 0;  // how many pulses the emptier half holds
  switch (halves.lower_count) {
    case 0: index = upper_flag + (FivePulseIndex(b, half_bits) << bits) + OnePulseIndex(b[5], half_bits); break;
    case 1:
      index = upper_flag + (FivePulseIndex(b, half_bits) << bits) + OnePulseIndex(a[0], half_bits);
      split = 1;
      break;
    case 2:
      index = upper_flag + (FourPulseIndex(b, half_bits) << (2 * half_bits + 1)) + TwoPulseIndex(a[0], a[1], half_bits);
      split = 2;
      break;
    case 3:
      index = (ThreePulseIndex(a[0], a[1], a[2], half_bits) << (3 * half_bits + 1)) +
              ThreePulseIndex(b[0], b[1], b[2], half_bits);
      split = 3;
      break;
    case 4:
      index = (FourPulseIndex(a, half_bits) << (2 * half_bits + 1)) + TwoPulseIndex(b[0], b[1], half_bits);
      split = 2;
      break;
    case 5:
      index = (FivePulseIndex(a, half_bits) << bits) + OnePulseIndex(b[0], half_bits);
      split = 1;
      break;
    default: index = (FivePulseIndex(a, half_bits) << bits) + OnePulseIndex(a[5], half_bits); break;
  }
  return index + (split << (6 * bits - 4));
}

}  // namespace byon::amr_wb
