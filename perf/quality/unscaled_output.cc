#include "perf/quality/unscaled_output.h"

#include <algorithm>
#include <cmath>

namespace byon::quality {
namespace {

constexpr double kFadeSeconds = 0.002;
// Scaling fades over 10 ms from where it starts; from here on the new alignment is the truer one.
constexpr double kMiddleOfScalingSeconds = 0.005;

}  // namespace

UnscaledOutput::UnscaledOutput(const Signal& output, const std::vector<SpeedChange>& changes)
    : signal_{output.rate_hz, {}}, stretches_{{0, 0}} {
  const auto& in = output.samples;
  auto& out = signal_.samples;
  const auto place = [&](double seconds) { return static_cast<ptrdiff_t>(std::lround(seconds * output.rate_hz)); };
  size_t from = 0;  // in the output
  const auto copy_until = [&](size_t to) {
    if (to <= from) return;
    const size_t start = out.size();
    out.insert(out.end(), in.begin() + static_cast<ptrdiff_t>(from), in.begin() + static_cast<ptrdiff_t>(to));
    // From where the last stretch would have gone on.
    const size_t fade = std::min(static_cast<size_t>(place(kFadeSeconds)), to - from);
    if (stretches_.size() < 2) return;
    const Stretch& last = stretches_[stretches_.size() - 2];
    for (size_t n = 0; n < fade; ++n) {
      const size_t before = last.output + (start - last.unscaled) + n;
      if (before >= in.size()) break;
      const float weight = static_cast<float>(n + 1) / static_cast<float>(fade + 1);
      out[start + n] = weight * out[start + n] + (1 - weight) * in[before];
    }
  };
  for (const SpeedChange& change : changes) {
    const auto at = static_cast<size_t>(
        std::clamp<ptrdiff_t>(place(change.at_s + kMiddleOfScalingSeconds), 0, static_cast<ptrdiff_t>(in.size())));
    copy_until(at);
    const ptrdiff_t next = static_cast<ptrdiff_t>(std::max(at, from)) + place(change.inserted_s);
    from = static_cast<size_t>(std::clamp<ptrdiff_t>(next, 0, static_cast<ptrdiff_t>(in.size())));
    stretches_.push_back({out.size(), from});
  }
  copy_until(in.size());
}

double UnscaledOutput::FromOutput(double output_s) const {
  const double at = output_s * signal_.rate_hz;
  const auto after = std::ranges::upper_bound(
      stretches_, at, {}, [](const Stretch& stretch) { return static_cast<double>(stretch.output); });
  const Stretch& stretch = after == stretches_.begin() ? *after : *std::prev(after);
  return (static_cast<double>(stretch.unscaled) + at - static_cast<double>(stretch.output)) / signal_.rate_hz;
}

double UnscaledOutput::ToOutput(double unscaled_s) const {
  const double at = unscaled_s * signal_.rate_hz;
  const auto after = std::ranges::upper_bound(
      stretches_, at, {}, [](const Stretch& stretch) { return static_cast<double>(stretch.unscaled); });
  const Stretch& stretch = after == stretches_.begin() ? *after : *std::prev(after);
  return (static_cast<double>(stretch.output) + at - static_cast<double>(stretch.unscaled)) / signal_.rate_hz;
}

}  // namespace byon::quality
