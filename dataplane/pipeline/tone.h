#pragma once

#include <cstdint>

namespace byon::pipeline {

// Supervisory tones (ITU-T E.180); their frequencies and cadences are a country's, see tone_plan.h.
enum class Tone : uint8_t {
  kNone,
  kRingback,
  kBusy,
  kCongestion,
};

}  // namespace byon::pipeline
