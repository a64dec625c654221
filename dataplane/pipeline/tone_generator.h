#pragma once

#include <array>
#include <cstdint>

#include "dataplane/codec/audio_frame.h"
#include "dataplane/pipeline/tone.h"
#include "dataplane/pipeline/tone_plan.h"

namespace byon::pipeline {

// Makes supervisory tones frame by frame.
class ToneGenerator {
 public:
  explicit ToneGenerator(ToneCountry country = ToneCountry::kItu) : country_(country) {}

  // Starts the cadence from its beginning; kNone stops.
  void Start(Tone tone);
  bool is_on() const { return tone_ != Tone::kNone; }
  // Fills the frame, whose rate is set.
  void Fill(codec::AudioFrame& frame);

 private:
  ToneCountry country_;
  Tone tone_ = Tone::kNone;
  TonePlan plan_;
  uint32_t position_ms_ = 0;        // in the cadence
  std::array<double, 2> phases_{};  // radians
};

}  // namespace byon::pipeline
