#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

#include "controlplane/registration/registration_record.h"

namespace byon::registration {

// How many REGISTERs are due at each time to come, so that they go out evenly: whoever may choose a time takes one when
// the fewest others have theirs. Times in the past count no more.
class RefreshPlan {
 public:
  static constexpr std::chrono::milliseconds kSlot{250};
  // Longer than the longest wait that a registrar may ask for; bounds what a plan may take: 11 MB.
  static constexpr std::chrono::hours kHorizon{8 * 24};

  // One of the emptiest times between both, which are in order; `random` says which.
  SteadyTime Emptiest(SteadyTime from, SteadyTime to, uint64_t random) const;
  // The first time with fewer than `room` in its slot; where there is none, the first of the emptiest.
  SteadyTime Earliest(SteadyTime from, SteadyTime to, uint32_t room) const;

  // What is further from the first than kHorizon is not counted, nor is kNever.
  void Add(SteadyTime when);
  void Remove(SteadyTime when);
  void Forget(SteadyTime before);
  uint32_t CountAt(SteadyTime when) const;

 private:
  static int64_t SlotOf(SteadyTime when) { return when.time_since_epoch() / kSlot; }

  int64_t first_slot_ = 0;
  std::deque<uint32_t> counts_;  // from first_slot_ on
};

}  // namespace byon::registration
