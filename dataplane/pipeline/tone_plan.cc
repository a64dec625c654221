#include "dataplane/pipeline/tone_plan.h"

#include <utility>

namespace byon::pipeline {
namespace {

struct CountryPlans {
  TonePlan ringback;
  TonePlan busy;
  TonePlan congestion;
};

// ITU-T E.180 section 4 and supplement 2 (various tones used in national networks).
CountryPlans PlansOf(ToneCountry country) {
  switch (country) {
    case ToneCountry::kItu: return {{{425, 0}, {1000, 4000}}, {{425, 0}, {500, 500}}, {{425, 0}, {250, 250}}};
    case ToneCountry::kFrance: return {{{440, 0}, {1500, 3500}}, {{440, 0}, {500, 500}}, {{440, 0}, {250, 250}}};
    case ToneCountry::kGermany: return {{{425, 0}, {1000, 4000}}, {{425, 0}, {480, 480}}, {{425, 0}, {240, 240}}};
    case ToneCountry::kItaly: return {{{425, 0}, {1000, 4000}}, {{425, 0}, {500, 500}}, {{425, 0}, {200, 200}}};
    case ToneCountry::kJapan:
      // 400 Hz modulated with 16 Hz: the carrier and its two side bands, of which two carry the beat.
      return {{{384, 416}, {1000, 2000}}, {{400, 0}, {500, 500}}, {{400, 0}, {500, 500}}};
    case ToneCountry::kNorthAmerica:
      return {{{440, 480}, {2000, 4000}}, {{480, 620}, {500, 500}}, {{480, 620}, {250, 250}}};
    case ToneCountry::kSpain:
      return {{{425, 0}, {1500, 3000}}, {{425, 0}, {200, 200}}, {{425, 0}, {200, 200, 200, 200, 200, 600}}};
    case ToneCountry::kUnitedKingdom:
      return {{{400, 450}, {400, 200, 400, 2000}}, {{400, 0}, {375, 375}}, {{400, 0}, {400, 350, 225, 525}}};
  }
  return {};
}

constexpr std::pair<std::string_view, ToneCountry> kCodes[] = {
    {"itu", ToneCountry::kItu},  {"fr", ToneCountry::kFrance},       {"de", ToneCountry::kGermany},
    {"it", ToneCountry::kItaly}, {"jp", ToneCountry::kJapan},        {"us", ToneCountry::kNorthAmerica},
    {"es", ToneCountry::kSpain}, {"gb", ToneCountry::kUnitedKingdom}};

}  // namespace

std::optional<ToneCountry> ToneCountryFromCode(std::string_view code) {
  for (const auto& [name, country] : kCodes) {
    if (name == code) return country;
  }
  return std::nullopt;
}

uint32_t TonePlan::period_ms() const {
  uint32_t sum = 0;
  for (const uint16_t part : cadence_ms) sum += part;
  return sum;
}

std::optional<TonePlan::Pulse> TonePlan::PulseAt(uint32_t position_ms) const {
  uint32_t start = 0;
  for (size_t i = 0; i < cadence_ms.size(); ++i) {
    const uint32_t end = start + cadence_ms[i];
    const bool is_on = i % 2 == 0;
    if (position_ms < end) return is_on ? std::optional(Pulse{start, cadence_ms[i]}) : std::nullopt;
    start = end;
  }
  return std::nullopt;
}

TonePlan PlanOf(ToneCountry country, Tone tone) {
  const CountryPlans plans = PlansOf(country);
  switch (tone) {
    case Tone::kRingback: return plans.ringback;
    case Tone::kBusy: return plans.busy;
    case Tone::kCongestion: return plans.congestion;
    case Tone::kNone: break;
  }
  return {};
}

}  // namespace byon::pipeline
