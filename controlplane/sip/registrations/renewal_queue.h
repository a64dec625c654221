#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "controlplane/sip/registrations/binding_table.h"

namespace byon::sip {

// Bindings that are to register again because of their P-CSCF (TS 23.380): at a pace, not all at once. Time is an
// argument.
class RenewalQueue {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // Few take `kLongest` each, many together `window`, but no more than one in `kShortest`.
  static constexpr std::chrono::milliseconds kLongest{20};
  static constexpr std::chrono::milliseconds kShortest{1};

  struct Reason {
    size_t hop = 0;                       // where they are registered
    bool is_only_while_unusable = false;  // they stay where it has come back meanwhile
    bool operator==(const Reason&) const = default;
  };
  struct Renewal {
    BindingTable::Ticket ticket = 0;
    Reason reason;
  };

  // What waited for the same reason is in `tickets` again, or does not need to be.
  void Add(std::vector<BindingTable::Ticket> tickets, Reason reason, Time earliest, std::chrono::milliseconds window);
  // Those whose turn it is, at most `room`. Whoever had no room comes later, without making up for the time.
  [[nodiscard]] std::vector<Renewal> Take(Time now, size_t room);
  // Time::max() when nobody waits.
  Time NextTake() const;

 private:
  struct Batch {
    std::vector<BindingTable::Ticket> tickets;  // the last one is next
    Reason reason;
    Time next;
    std::chrono::microseconds interval{0};
  };
  std::vector<Batch> batches_;
};

}  // namespace byon::sip
