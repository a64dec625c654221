#pragma once

#include <string>
#include <vector>

#include "controlplane/runtime/config.h"

namespace byon::runtime {

struct OperatorMistake {
  size_t index = 0;      // of the operator
  std::string pointer;   // of the key within the operator
  std::string sentence;  // begins with that key
};

// Whether several operators can be told apart and do not stand in each other's way: ids, hosts, SIP addresses,
// issuers and number ranges. The first of two is right, the second gets the sentence.
[[nodiscard]] std::vector<OperatorMistake> CheckOperators(const std::vector<OperatorConfig>& operators);

}  // namespace byon::runtime
