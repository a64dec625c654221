#pragma once

#include <string>
#include <vector>

#include "perf/quality/experiment.h"

namespace byon::quality {

// A promise of the product, and whether it was kept.
struct Check {
  std::string id;  // of the goal: "G-Q-04"
  std::string target;
  std::string figure;
  bool is_met = false;
};

// The goals that the results can speak of: a goal whose rows were not run is left out. Where a goal
// is set in PESQ, whose code may not be shipped, it is translated: the goal's PESQ is what the
// library chain has at a certain loss, found on its own published curve, and we must be as good as
// the library chain is at that loss in STOI and LSD, on the same seeds. Runs the library chain
// there, and measures CPU time.
std::vector<Check> CheckTargets(Laboratory& laboratory, const std::vector<RowResult>& results,
                                const Settings& settings);

}  // namespace byon::quality
