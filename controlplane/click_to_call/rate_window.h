#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

namespace byon::click_to_call {

// How often something happened to a key within the last minute. Exact, so that a refusal can say when it may come
// again. What it keeps is bounded by what was let through.
class RateWindow {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kWindow{60};

  // Zero while fewer than `limit` happened, else the time until that is so again. A limit of 0 bounds nothing.
  [[nodiscard]] Time::duration WaitFor(const std::string& key, uint32_t limit, Time now) const;
  void Add(const std::string& key, Time now);
  size_t size() const { return times_.size(); }

 private:
  void Sweep(Time now);

  std::unordered_map<std::string, std::deque<Time>> times_;  // oldest first
  Time next_sweep_{};
};

}  // namespace byon::click_to_call
