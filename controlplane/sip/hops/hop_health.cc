#include "controlplane/sip/hops/hop_health.h"

#include <algorithm>

namespace byon::sip {
namespace {

// RFC 5626 section 4.5: base time and maximum, all flows failed.
constexpr std::chrono::seconds kFirstBlock{30};
constexpr std::chrono::seconds kLongestBlock{1800};
constexpr unsigned kMostDoublings = 6;

}  // namespace

void HopHealth::ReportSilence(size_t hop, Time now) {
  Hop& state = hops_[hop];
  const auto block = std::min(kLongestBlock, kFirstBlock * (1 << std::min(state.silences, kMostDoublings)));
  // Many requests can be waiting for one hop: together they are one silence.
  if (now < state.blocked_until) return;
  ++state.silences;
  state.blocked_until = now + block;
}

void HopHealth::ReportRetryAfter(size_t hop, std::chrono::seconds retry_after, Time now) {
  hops_[hop].silences = 0;
  hops_[hop].blocked_until = now + std::min(retry_after, kLongestBlock);
}

bool HopHealth::IsUsable(size_t hop, Time now) const {
  return hop < hops_.size() && now >= hops_[hop].blocked_until &&
         std::find(best_first_.begin(), best_first_.end(), hop) != best_first_.end();
}

std::optional<size_t> HopHealth::Choose(size_t preferred, Time now) const {
  if (IsUsable(preferred, now)) return preferred;
  return ChooseOther({preferred}, now);
}

std::optional<size_t> HopHealth::ChooseOther(const std::vector<size_t>& tried, Time now) const {
  for (const size_t hop : best_first_) {
    if (IsUsable(hop, now) && std::find(tried.begin(), tried.end(), hop) == tried.end()) return hop;
  }
  return std::nullopt;
}

}  // namespace byon::sip
