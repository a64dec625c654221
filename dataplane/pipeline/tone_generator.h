#pragma once

#include <cstdint>

#include "dataplane/codec/audio_frame.h"
#include "dataplane/pipeline/tone.h"

namespace byon::pipeline {

// Makes supervisory tones frame by frame.
class ToneGenerator {
 public:
  // Starts the cadence from its beginning; kNone stops.
  void Start(Tone tone);
  bool is_on() const { return tone_ != Tone::kNone; }
  // Fills the frame, whose rate is set.
  void Fill(codec::AudioFrame& frame);

 private:
  Tone tone_ = Tone::kNone;
  uint64_t position_us_ = 0;  // in the cadence
  double phase_ = 0;          // radians
};

}  // namespace byon::pipeline
