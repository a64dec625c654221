#include "controlplane/registration/refresh_plan.h"

#include <algorithm>

namespace byon::registration {

uint32_t RefreshPlan::CountAt(SteadyTime when) const {
  const int64_t index = SlotOf(when) - first_slot_;
  return index < 0 || index >= static_cast<int64_t>(counts_.size()) ? 0 : counts_[static_cast<size_t>(index)];
}

SteadyTime RefreshPlan::Emptiest(SteadyTime from, SteadyTime to, uint64_t random) const {
  const auto choices = static_cast<uint64_t>((to - from) / kSlot) + 1;
  SteadyTime best = to;
  uint32_t fewest = UINT32_MAX;
  for (uint64_t i = 0; i < choices && fewest > 0; ++i) {
    const SteadyTime when = to - static_cast<int64_t>((random + i) % choices) * kSlot;
    const uint32_t count = CountAt(when);
    if (count >= fewest) continue;
    fewest = count;
    best = when;
  }
  return best;
}

SteadyTime RefreshPlan::Earliest(SteadyTime from, SteadyTime to, uint32_t room) const {
  SteadyTime best = from;
  uint32_t fewest = CountAt(from);
  for (SteadyTime when = from + kSlot; when <= to && fewest >= room; when += kSlot) {
    const uint32_t count = CountAt(when);
    if (count >= fewest) continue;
    fewest = count;
    best = when;
  }
  return best;
}

void RefreshPlan::Add(SteadyTime when) {
  if (when == kNever) return;
  constexpr int64_t kSlots = kHorizon / kSlot;
  const int64_t slot = SlotOf(when);
  if (counts_.empty()) first_slot_ = slot;
  if (slot - first_slot_ >= kSlots) return;
  if (const int64_t before = first_slot_ - slot; before > 0) {
    const int64_t kept = std::clamp<int64_t>(kSlots - before, 0, static_cast<int64_t>(counts_.size()));
    counts_.resize(static_cast<size_t>(kept));
    if (kept > 0) counts_.insert(counts_.begin(), static_cast<size_t>(before), 0);
    first_slot_ = slot;
  }
  const auto index = static_cast<size_t>(slot - first_slot_);
  if (index >= counts_.size()) counts_.resize(index + 1);
  ++counts_[index];
}

void RefreshPlan::Remove(SteadyTime when) {
  if (when != kNever && CountAt(when) > 0) --counts_[static_cast<size_t>(SlotOf(when) - first_slot_)];
}

void RefreshPlan::Forget(SteadyTime before) {
  const int64_t past = std::clamp<int64_t>(SlotOf(before) - first_slot_, 0, static_cast<int64_t>(counts_.size()));
  counts_.erase(counts_.begin(), counts_.begin() + past);
  first_slot_ += past;
}

}  // namespace byon::registration
