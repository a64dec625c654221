#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "dataplane/pipeline/tone.h"

namespace byon::pipeline {

// Whose supervisory tones are played: E.180 recommends, countries differ (ITU-T E.180 supplement 2).
enum class ToneCountry : uint8_t {
  kItu,  // 425 Hz as most of Europe has it
  kFrance,
  kGermany,
  kItaly,
  kJapan,
  kNorthAmerica,
  kSpain,
  kUnitedKingdom,
};
// "itu", "fr", "de", "it", "jp", "us", "es", "gb"; nothing for another text.
std::optional<ToneCountry> ToneCountryFromCode(std::string_view code);

// One tone: one or two frequencies together, in a cadence of on and off times that repeats.
struct TonePlan {
  std::array<uint16_t, 2> frequencies_hz{425, 0};  // 0: none
  std::array<uint16_t, 6> cadence_ms{};            // on, off, on, off...; 0 ends it

  uint32_t period_ms() const;
  // Where the sound that covers this moment of the period began, and its length; nothing in a pause.
  struct Pulse {
    uint32_t start_ms = 0;
    uint32_t length_ms = 0;
  };
  std::optional<Pulse> PulseAt(uint32_t position_ms) const;
};
TonePlan PlanOf(ToneCountry country, Tone tone);

}  // namespace byon::pipeline
