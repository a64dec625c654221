#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace byon::runtime {

// What a part of the process may hold open at a time, in words for the operator.
struct OpenFiles {
  std::string what;
  size_t count = 0;
};

// One sentence when `connections` (limits.connections) and what is open beside them are more than the `allowed` files.
[[nodiscard]] std::optional<std::string> OpenFilesMistake(size_t connections, const std::vector<OpenFiles>& beside,
                                                          size_t allowed);

// Asks the system for as many (RLIMIT_NOFILE); the sentence when it gives less. Each connection, request to a webhook
// and such is an open file: without it a burst of some would take the others' places.
[[nodiscard]] std::optional<std::string> AskForOpenFiles(size_t connections, const std::vector<OpenFiles>& beside);

}  // namespace byon::runtime
