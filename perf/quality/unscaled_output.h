#pragma once

#include <cstddef>
#include <vector>

#include "perf/quality/signal.h"

namespace byon::quality {

// A place where play-out changed its speed.
struct SpeedChange {
  double at_s = 0;
  double inserted_s = 0;  // below zero: removed
};

// What a listener hears, with time scaling taken back: where a pitch period was removed the last
// one is there twice, one that was inserted is left out. In it speech lies at a constant delay
// except where play-out waited or cut, so that it can be found by correlation, and nothing is
// counted as missing that no ear misses. A splice that went wrong stays in it.
class UnscaledOutput {
 public:
  // `changes`: in the order of time.
  UnscaledOutput(const Signal& output, const std::vector<SpeedChange>& changes);

  const Signal& signal() const { return signal_; }
  // From a time in the output to one in signal(), and back.
  double FromOutput(double output_s) const;
  double ToOutput(double unscaled_s) const;

 private:
  struct Stretch {  // both run in step until the next one
    size_t unscaled = 0;
    size_t output = 0;
  };
  Signal signal_;
  std::vector<Stretch> stretches_;
};

}  // namespace byon::quality
