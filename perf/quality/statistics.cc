#include "perf/quality/statistics.h"

#include <array>

#include "dataplane/base/check.h"

namespace byon::quality {
namespace {

// 97.5 % quantile of Student's t by degrees of freedom.
double StudentT(size_t degrees) {
  static constexpr std::array kTable = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                                        2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131};
  if (degrees == 0) return 0;
  if (degrees <= kTable.size()) return kTable[degrees - 1];
  // Cornish-Fisher expansion around the normal distribution's quantile.
  constexpr double kZ = 1.959964;
  const auto n = static_cast<double>(degrees);
  return kZ + (kZ * kZ * kZ + kZ) / (4 * n) + (5 * std::pow(kZ, 5) + 16 * kZ * kZ * kZ + 3 * kZ) / (96 * n * n);
}

}  // namespace

Estimate MeanOf(const std::vector<double>& values) {
  if (values.empty()) return {};
  const auto n = static_cast<double>(values.size());
  Estimate estimate;
  for (const double value : values) estimate.mean += value / n;
  if (values.size() < 2) return estimate;
  double squares = 0;
  for (const double value : values) squares += std::pow(value - estimate.mean, 2);
  estimate.half_width = StudentT(values.size() - 1) * std::sqrt(squares / (n - 1) / n);
  return estimate;
}

Estimate PairedDifference(const std::vector<double>& ours, const std::vector<double>& theirs) {
  BYON_CHECK(ours.size() == theirs.size(), "every sample has its partner");
  std::vector<double> differences(ours.size());
  for (size_t i = 0; i < ours.size(); ++i) differences[i] = ours[i] - theirs[i];
  return MeanOf(differences);
}

double Percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto rank = static_cast<size_t>(std::clamp(std::ceil(share * static_cast<double>(values.size())) - 1, 0.0,
                                                   static_cast<double>(values.size() - 1)));
  std::ranges::nth_element(values, values.begin() + static_cast<ptrdiff_t>(rank));
  return values[rank];
}

}  // namespace byon::quality
