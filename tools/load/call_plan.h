#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>

#include "dataplane/base/random.h"
#include "dataplane/base/time.h"
#include "tools/load/profile.h"

namespace byon::load {

// When calls begin and how long they last, from a profile and a seed. Time counts from the start of
// the run; the measurement begins when its owner says so.
class CallPlan {
 public:
  explicit CallPlan(const Profile& profile) : profile_(profile), random_(profile.seed) {}

  // How many calls there should be now.
  size_t Wanted(base::TimeDelta elapsed, std::optional<base::TimeDelta> measured_for) const {
    const double ramped = std::floor(elapsed.seconds() * profile_.ramp_per_second) + 1;
    size_t wanted = std::min(profile_.calls, static_cast<size_t>(ramped));
    if (measured_for && *measured_for >= profile_.storm.at) wanted += profile_.storm.calls;
    return wanted;
  }

  // The codec of the next call, an index into the profile's.
  size_t NextCodec() {
    unsigned sum = 0;
    for (const PhoneCodecShare& share : profile_.codecs) sum += share.weight;
    uint32_t draw = random_.NextBelow(sum);
    for (size_t i = 0; i < profile_.codecs.size(); ++i) {
      if (draw < profile_.codecs[i].weight) return i;
      draw -= profile_.codecs[i].weight;
    }
    return 0;
  }

  // How long the next call lasts: half to one and a half of the mean; nothing: to the end.
  std::optional<base::TimeDelta> NextHold() {
    if (profile_.hold == base::TimeDelta()) return std::nullopt;
    const double share = 0.5 + random_.NextUnit();
    return base::TimeDelta::Nanoseconds(static_cast<int64_t>(share * static_cast<double>(profile_.hold.nanoseconds())));
  }

  base::Random& random() { return random_; }

 private:
  const Profile& profile_;
  base::Random random_;
};

}  // namespace byon::load
