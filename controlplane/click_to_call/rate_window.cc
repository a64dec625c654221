#include "controlplane/click_to_call/rate_window.h"

namespace byon::click_to_call {

RateWindow::Time::duration RateWindow::WaitFor(const std::string& key, uint32_t limit, Time now) const {
  const auto known = times_.find(key);
  if (limit == 0 || known == times_.end() || known->second.size() < limit) return {};
  // The one that has to leave the window first for another to fit in.
  const Time leaves = known->second[known->second.size() - limit] + kWindow;
  return leaves > now ? leaves - now : Time::duration{};
}

void RateWindow::Add(const std::string& key, Time now) {
  if (now >= next_sweep_) Sweep(now);
  std::deque<Time>& times = times_[key];
  while (!times.empty() && times.front() + kWindow <= now) times.pop_front();
  times.push_back(now);
}

void RateWindow::Sweep(Time now) {
  next_sweep_ = now + kWindow;
  std::erase_if(times_, [now](const auto& entry) { return entry.second.back() + kWindow <= now; });
}

}  // namespace byon::click_to_call
