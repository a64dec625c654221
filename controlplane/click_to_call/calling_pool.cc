#include "controlplane/click_to_call/calling_pool.h"

namespace byon::click_to_call {

std::optional<std::string> CallingPool::Choose(const std::vector<std::string>& numbers, const Use& use,
                                               uint32_t max_per_number) {
  std::optional<size_t> best;
  uint32_t least = max_per_number;
  for (size_t i = 0; i < numbers.size(); ++i) {
    const size_t at = (next_ + i) % numbers.size();
    const auto used = use.find(numbers[at]);
    const uint32_t calls = used == use.end() ? 0 : used->second;
    if (calls >= least) continue;
    best = at;
    least = calls;
  }
  if (!best) return std::nullopt;
  next_ = *best + 1;
  return numbers[*best];
}

}  // namespace byon::click_to_call
