#include "tools/load/weather.h"

namespace byon::load {

WeatherPath::Fate WeatherPath::Next() {
  if (weather_.is_clean()) return {};
  Fate fate;
  // As many random numbers whatever comes out: a change of one figure leaves the others' fates
  // alone.
  fate.is_lost = IsLost();
  fate.delay = base::TimeDelta::Nanoseconds(
      static_cast<int64_t>(random_.NextUnit() * static_cast<double>(weather_.jitter.nanoseconds())));
  if (random_.NextUnit() < weather_.reorder) fate.delay += Weather::kReorderDelay;
  fate.is_duplicated = random_.NextUnit() < weather_.duplicate;
  return fate;
}

// Independent losses, or two states (Gilbert): a burst ends with probability 1/length and begins so
// that the mean is `loss`.
bool WeatherPath::IsLost() {
  const double draw = random_.NextUnit();
  if (weather_.burst_length <= 1 || weather_.loss >= 1) return draw < weather_.loss;
  if (is_in_burst_) {
    is_in_burst_ = draw >= 1 / weather_.burst_length;
  } else {
    is_in_burst_ = draw < weather_.loss / (1 - weather_.loss) / weather_.burst_length;
  }
  return is_in_burst_;
}

}  // namespace byon::load
