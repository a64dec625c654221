#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "controlplane/registration/refresh_plan.h"
#include "controlplane/registration/registration_record.h"

namespace byon::registration {

// When each registration's next REGISTER goes out: in time for its binding, and never with many others. Sans-IO.
class RefreshTimes {
 public:
  explicit RefreshTimes(uint64_t seed) : random_state_(seed) {}

  // The binding was granted for `granted`. The first time of a registration may be much earlier than it must.
  SteadyTime AfterSuccess(std::chrono::seconds granted, bool is_first, std::chrono::seconds jitter, SteadyTime now);
  // After `failures` failures in a row, this one included (RFC 5626 section 4.5); what the network asks for counts
  // instead.
  SteadyTime AfterFailure(unsigned failures, std::optional<std::chrono::seconds> retry_after, SteadyTime now);
  // Nothing is bound for so long, as the network wishes.
  SteadyTime AfterProbation(std::chrono::seconds wait, SteadyTime now) const;
  // What an earlier process left: each keeps the time that it had, what is overdue goes out one by one.
  struct Restored {
    SteadyTime refresh;
    SteadyTime sip_expiry;  // kNever: it is over already, which is not the network's doing
  };
  Restored AfterRestart(const RegistrationRecord& record, Now now);

  // A registration has another time than it had, or none any more (kNever).
  void Replace(SteadyTime had, SteadyTime has);
  void Forget(SteadyTime before) { plan_.Forget(before); }

 private:
  SteadyTime CatchUpTime(SteadyTime from, SteadyTime to);
  SteadyTime RoomiestOfSome(SteadyTime from, SteadyTime to);
  uint64_t Random();

  uint64_t random_state_;
  RefreshPlan plan_;
  SteadyTime catch_up_full_until_{};
};

}  // namespace byon::registration
