#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace byon::quality {

// A mean and how far the true one may be from it: half of the 95 % confidence interval (Student's
// t).
struct Estimate {
  double mean = 0;
  double half_width = 0;
  double lower() const { return mean - half_width; }
  double upper() const { return mean + half_width; }
};

Estimate MeanOf(const std::vector<double>& values);
// Of `ours` less `theirs`, sample by sample: what both suffer alike falls out.
Estimate PairedDifference(const std::vector<double>& ours, const std::vector<double>& theirs);
// The value below which `share` of them lie; 0 for none.
double Percentile(std::vector<double> values, double share);

}  // namespace byon::quality
