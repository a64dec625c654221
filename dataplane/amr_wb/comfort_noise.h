#pragma once

#include <cstdint>

#include "dataplane/amr_wb/coder_memory.h"

namespace byon::amr_wb {

// Bits of one frame in the order of the parameters, most significant first. Nothing is inline here:
// the files of one instruction set include it (see engine.h).
class FrameBits {
 public:
  void Put(uint32_t value, int bits);
  uint8_t At(int i) const;
  void Clear();
  // All bits so far become 0.
  void Zero();

 private:
  uint8_t bit_[480] = {};
  int count_ = 0;
};

// One call's background in the last eight frames, and the comfort noise made of it (TS 26.192
// section 5). Scalar: in a batch most calls talk.
class ComfortNoise {
 public:
  ComfortNoise();
  void Reset();

  // Takes a frame without voice into the history. `energy` is its residual's.
  void Follow(const int32_t* isf, int32_t energy, int mode);
  // Writes the 35 bits of a silence description. `isf` takes the quantized ISFs, `excitation` 256
  // samples of the noise the decoder will make.
  void Describe(int32_t* isf, int32_t* excitation, FrameBits& bits);

 private:
  static constexpr int kFrames = 8;

  struct Outliers {
    int largest, second, smallest;  // places in the history; -1: not far enough out
  };
  Outliers FindOutliers();
  bool IsUnsteady() const;

  int16_t isf_[kFrames][kOrder];
  int16_t log_energy_[kFrames];  // Q7, already divided by kFrames
  int newest_;
  int16_t seed_;
  int32_t distance_[28];  // between the frames, latest first
  int32_t distance_sum_[kFrames];
};

}  // namespace byon::amr_wb
