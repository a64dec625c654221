#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "dataplane/base/check.h"
#include "dataplane/base/time.h"

namespace byon::base {

// Gives every member a tick each `kSlots * kSlotLength`, the members spread over the slots so that
// the load is level, in groups where members gain by being served together. Built for 20 slots of
// 1 ms: a member costs one vector entry and a tick one indirect call, where an ordered timer queue
// costs a re-insertion.
template <typename T, size_t kSlots = 20>
class TimerWheel {
 public:
  static constexpr TimeDelta kSlotLength = TimeDelta::Milliseconds(1);
  static constexpr TimeDelta kTurn = kSlotLength * static_cast<int64_t>(kSlots);
  // Behind by more than this the wheel gives ticks up instead of serving them in one heap.
  static constexpr TimeDelta kMaxBacklog = kTurn * 5;

  // Memory for `capacity` members is taken here and never again. A slot is filled to a multiple of
  // `group` before another one is begun.
  explicit TimerWheel(size_t capacity, size_t group = 1) : capacity_(capacity), group_(group) {
    for (auto& slot : slots_) slot.reserve((capacity / group / kSlots + 1) * group);
  }

  // Puts a member into the slot that is best for the load, and returns the slot, or kSlots when the
  // wheel is full. Its first tick comes within one turn. Not from within Advance().
  [[nodiscard]] size_t Add(T member) {
    if (size_ == capacity_) return kSlots;
    size_t best = 0;
    for (size_t i = 1; i < kSlots; ++i) {
      if (IsBetter(i, best)) best = i;
    }
    slots_[best].push_back(std::move(member));
    ++size_;
    return best;
  }
  // Takes a member out of the slot that Add() told. Not from within Advance().
  void Remove(size_t slot, const T& member) {
    auto& members = slots_[slot];
    const auto found = std::find(members.begin(), members.end(), member);
    BYON_CHECK(found != members.end(), "a member is removed from the slot it was added to");
    *found = std::move(members.back());
    members.pop_back();
    --size_;
  }

  // Serves the slots that have come due up to `now`, at most `most` of them: calls
  // serve_slot(members, due) for each one that has members, `members` being a std::span<T>. Returns
  // how many slot times were given up.
  template <typename ServeSlot>
  int64_t Advance(Timestamp now, ServeSlot&& serve_slot, size_t most = SIZE_MAX) {
    if (!is_started_) Start(now);
    int64_t given_up = 0;
    if (now - next_due_ > kMaxBacklog) {
      given_up = (now - next_due_) / kSlotLength;
      next_due_ += kSlotLength * given_up;
      next_slot_ = (next_slot_ + static_cast<size_t>(given_up)) % kSlots;
    }
    for (size_t served = 0; next_due_ <= now && served < most;) {
      auto& members = slots_[next_slot_];
      const Timestamp due = next_due_;
      next_slot_ = (next_slot_ + 1) % kSlots;
      next_due_ += kSlotLength;
      if (members.empty()) continue;
      serve_slot(std::span<T>(members), due);
      ++served;
    }
    return given_up;
  }

  // When the next slot that has members comes due; Infinite when there are none. `now` matters only
  // before the first Advance().
  Timestamp NextDeadline(Timestamp now) const {
    if (size_ == 0) return Timestamp::Infinite();
    const Timestamp base = is_started_ ? next_due_ : now;
    for (size_t i = 0; i < kSlots; ++i) {
      if (!slots_[(next_slot_ + i) % kSlots].empty()) {
        return base + kSlotLength * static_cast<int64_t>(i);
      }
    }
    return Timestamp::Infinite();
  }

  size_t size() const { return size_; }

 private:
  // The fewest whole groups, then the group that lacks least, then the place farthest from others.
  bool IsBetter(size_t slot, size_t than) const {
    const size_t groups = slots_[slot].size() / group_, others = slots_[than].size() / group_;
    if (groups != others) return groups < others;
    const size_t begun = slots_[slot].size() % group_, begun_other = slots_[than].size() % group_;
    if (begun != begun_other) return begun > begun_other;
    return DistanceToBusier(slot) > DistanceToBusier(than);
  }
  size_t DistanceToBusier(size_t slot) const {
    for (size_t distance = 1; distance <= kSlots / 2; ++distance) {
      const size_t before = (slot + kSlots - distance) % kSlots, behind = (slot + distance) % kSlots;
      if (std::max(slots_[before].size(), slots_[behind].size()) > slots_[slot].size()) {
        return distance;
      }
    }
    return kSlots;
  }

  void Start(Timestamp now) {
    next_due_ = now;
    is_started_ = true;
  }

  std::array<std::vector<T>, kSlots> slots_;
  const size_t capacity_;
  const size_t group_;
  size_t size_ = 0;
  size_t next_slot_ = 0;
  Timestamp next_due_;
  bool is_started_ = false;
};

}  // namespace byon::base
