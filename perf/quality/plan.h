#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "perf/quality/experiment.h"

namespace byon::quality {

inline constexpr std::array kJitterWeathers = {"jitter LTE DRX 40", "jitter uniform 40", "jitter Wi-Fi",
                                               "jitter cross traffic"};

// The weathers by name; the name must exist.
const Weather& FindWeather(std::string_view name);

enum class Extent : uint8_t {
  kFull,
  kQuick,  // a look in under a minute: the legs and one path, a few weathers
};
std::vector<Row> PlanRows(Extent extent);

}  // namespace byon::quality
