#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace byon::click_to_call {

// Chooses the number in whose name the next call goes out: the least used one, and among those the one whose turn it
// is, so that no number is seen more often than the others. Who uses which is told by the calls themselves; nothing has
// to be given back.
class CallingPool {
 public:
  // Calls that use a number now.
  using Use = std::map<std::string, uint32_t>;

  // Nothing when each number has `max_per_number` calls.
  [[nodiscard]] std::optional<std::string> Choose(const std::vector<std::string>& numbers, const Use& use,
                                                  uint32_t max_per_number);

 private:
  size_t next_ = 0;
};

}  // namespace byon::click_to_call
