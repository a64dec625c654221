#pragma once

#include <chrono>
#include <cstddef>
#include <numeric>
#include <optional>
#include <vector>

namespace byon::sip {

// Which of the configured P-CSCFs may be used now. Sans-IO: time is an argument. A hop is left alone for as long as its
// own Retry-After says (RFC 3261 section 21.5.4), and when it is silent for 30 s, then twice as long each time, 30 min
// at most (the back-off of RFC 5626 section 4.5). Any answer makes it good again at once.
class HopHealth {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit HopHealth(size_t hops) : hops_(hops), best_first_(hops) {
    std::iota(best_first_.begin(), best_first_.end(), size_t{0});
  }
  // Which may be chosen, best first; `hops`: how many numbers there are by now. What is known of each stays.
  void SetOrder(size_t hops, std::vector<size_t> best_first) {
    hops_.resize(hops);
    best_first_ = std::move(best_first);
  }

  void ReportAnswer(size_t hop) { hops_[hop] = {}; }
  // The number is another P-CSCF's from now on.
  void Forget(size_t hop) { hops_[hop] = {}; }
  void ReportSilence(size_t hop, Time now);
  void ReportRetryAfter(size_t hop, std::chrono::seconds retry_after, Time now);

  bool IsUsable(size_t hop, Time now) const;
  // The hop itself while it is usable, else the best one that is; nothing when all are out.
  std::optional<size_t> Choose(size_t preferred, Time now) const;
  // The best usable one but these. Nothing when there is none.
  std::optional<size_t> ChooseOther(const std::vector<size_t>& tried, Time now) const;

 private:
  struct Hop {
    Time blocked_until{};
    unsigned silences = 0;  // one after the other
  };
  std::vector<Hop> hops_;
  std::vector<size_t> best_first_;
};

}  // namespace byon::sip
