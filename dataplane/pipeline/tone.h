#pragma once

#include <cstdint>

namespace byon::pipeline {

// Supervisory tones of 425 Hz (ITU-T E.180 with the cadences most of Europe uses).
enum class Tone : uint8_t {
  kNone,
  kRingback,    // 1 s on, 4 s off
  kBusy,        // 0.5 s on, 0.5 s off
  kCongestion,  // 0.25 s on, 0.25 s off
};

}  // namespace byon::pipeline
