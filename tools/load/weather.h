#pragma once

#include <cstdint>

#include "dataplane/base/random.h"
#include "dataplane/base/time.h"

namespace byon::load {

// What a network does to the packets of one side on their way to the gateway, and by loss also on
// their way back. Probabilities are 0 to 1.
struct Weather {
  double loss = 0;
  double burst_length = 1;  // mean packets lost together
  base::TimeDelta jitter;   // each packet takes up to this much longer, uniformly
  double reorder = 0;       // share of packets that take 30 ms longer
  double duplicate = 0;
  bool operator==(const Weather&) const = default;
  bool is_clean() const { return *this == Weather{}; }
  static constexpr base::TimeDelta kReorderDelay = base::TimeDelta::Milliseconds(30);
  base::TimeDelta longest_delay() const { return jitter + (reorder > 0 ? kReorderDelay : base::TimeDelta()); }
};

// The fate of the packets of one stream, one after the other. The same seed gives the same fates.
class WeatherPath {
 public:
  struct Fate {
    bool is_lost = false;
    base::TimeDelta delay;
    bool is_duplicated = false;
  };

  WeatherPath(const Weather& weather, uint64_t seed) : weather_(weather), random_(seed) {}
  Fate Next();

 private:
  bool IsLost();

  Weather weather_;
  base::Random random_;
  bool is_in_burst_ = false;
};

}  // namespace byon::load
