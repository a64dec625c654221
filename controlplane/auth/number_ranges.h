#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace byon::auth {

// Whether a number (+E.164) begins with one of the ranges ("+3460"); where there are none, every number is in.
inline bool IsInRanges(std::string_view number, const std::vector<std::string>& ranges) {
  return ranges.empty() || std::any_of(ranges.begin(), ranges.end(),
                                       [number](const std::string& range) { return number.starts_with(range); });
}

}  // namespace byon::auth
