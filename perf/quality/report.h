#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "perf/quality/experiment.h"
#include "perf/quality/targets.h"

namespace byon::quality {

// A line a row, for a terminal; with a header before the first line of each path.
std::string Table(const std::vector<RowResult>& results);
// All figures of a row; shares are 0 to 1.
nlohmann::json ToJson(const RowResult& result);

std::string Table(const std::vector<Check>& checks);
nlohmann::json ToJson(const Check& check);

}  // namespace byon::quality
