#include "controlplane/registration/refresh_times.h"

#include <algorithm>

namespace byon::registration {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// TS 24.229 section 5.1.1.4.1: long registrations are refreshed 600 s before they end, others at
// half.
constexpr seconds kLongRegistration{1200};
constexpr seconds kRefreshMargin{600};

// RFC 5626 section 4.5, as TS 24.229 section 5.1.1.2.1 refers to it.
constexpr seconds kBackOffBase{30};
constexpr seconds kBackOffMax{1800};

// Bindings that are overdue after a restart: so many REGISTERs in each slot of the plan at once, more only where all of
// them would not be through in the time.
constexpr uint32_t kCatchUpRoom = 5;
constexpr seconds kCatchUpTime{600};
constexpr seconds kCatchUpLeast{10};  // for those that are about to expire
constexpr int kLooks = 16;

constexpr seconds kFirstRefreshSpread{3600};

seconds RefreshDelay(seconds granted) { return granted > kLongRegistration ? granted - kRefreshMargin : granted / 2; }

}  // namespace

// splitmix64: nothing secret comes from it.
uint64_t RefreshTimes::Random() {
  uint64_t z = random_state_ += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

void RefreshTimes::Replace(SteadyTime had, SteadyTime has) {
  plan_.Remove(had);
  plan_.Add(has);
}

SteadyTime RefreshTimes::AfterSuccess(seconds granted, bool is_first, seconds jitter, SteadyTime now) {
  const seconds delay = RefreshDelay(granted);
  // The first one goes out early enough to leave the crowd in which the registration came.
  const seconds earlier = is_first ? std::min(kFirstRefreshSpread, delay * 9 / 10) : std::min(jitter, delay / 10);
  const SteadyTime latest = now + std::max(delay, seconds(1));
  return plan_.Emptiest(latest - earlier, latest, Random());
}

SteadyTime RefreshTimes::AfterFailure(unsigned failures, std::optional<seconds> retry_after, SteadyTime now) {
  // 30 s doubled six times is beyond the cap.
  seconds delay = failures > 6 ? kBackOffMax : std::min(kBackOffMax, kBackOffBase * (1 << (failures - 1)));
  delay = delay / 2 + seconds(static_cast<int64_t>(Random() % static_cast<uint64_t>(delay.count() / 2 + 1)));
  // What a busy network told many at the same time does not bring all of them back at the same time.
  const SteadyTime earliest = now + retry_after.value_or(delay);
  return plan_.Earliest(earliest, earliest + retry_after.value_or(delay) / 10, 1);
}

SteadyTime RefreshTimes::AfterProbation(seconds wait, SteadyTime now) const {
  return plan_.Earliest(now + wait, now + wait + wait / 10, 1);
}

// Each keeps the time that it had: these were spread when they were chosen. After a restart many may be overdue, of
// those that expired meanwhile all: they are caught up with one by one.
RefreshTimes::Restored RefreshTimes::AfterRestart(const RegistrationRecord& record, Now now) {
  const auto left =
      std::max(std::chrono::duration_cast<milliseconds>(record.sip_expires_at - now.wall), milliseconds(0));
  const seconds granted = record.registered.expires;
  const milliseconds due = left - (granted - RefreshDelay(granted));
  if (due > milliseconds(0)) {
    const SteadyTime latest = now.steady + due;
    const SteadyTime had = record.refresh_at ? now.steady + (*record.refresh_at - now.wall) : now.steady;
    if (had > now.steady && had <= latest) return {had, now.steady + left};
    const SteadyTime earliest = std::max(latest - kFirstRefreshSpread, now.steady + seconds(1));
    return {RoomiestOfSome(std::min(earliest, latest), latest), now.steady + left};
  }
  // It was not the network that did not prolong it: nobody's registration ends for having to wait here.
  const auto window =
      left > milliseconds(0) ? std::clamp<milliseconds>(left / 2, kCatchUpLeast, kCatchUpTime) : kCatchUpTime;
  return {CatchUpTime(now.steady + seconds(1), now.steady + window), kNever};
}

// A hundred thousand look for their time here one after the other: no one looks again where there is no room any more.
SteadyTime RefreshTimes::CatchUpTime(SteadyTime from, SteadyTime to) {
  const SteadyTime when = plan_.Earliest(std::clamp(catch_up_full_until_, from, to), to, kCatchUpRoom);
  const bool has_room = plan_.CountAt(when) < kCatchUpRoom;
  catch_up_full_until_ = std::max(catch_up_full_until_, has_room ? when : to);
  return has_room ? when : RoomiestOfSome(from, to);
}

// To look at all of them is too much for a hundred thousand registrations.
SteadyTime RefreshTimes::RoomiestOfSome(SteadyTime from, SteadyTime to) {
  const auto choices = static_cast<uint64_t>((to - from) / RefreshPlan::kSlot) + 1;
  SteadyTime best = to;
  for (int i = 0; i < kLooks; ++i) {
    const SteadyTime other = from + static_cast<int64_t>(Random() % choices) * RefreshPlan::kSlot;
    if (plan_.CountAt(other) < plan_.CountAt(best)) best = other;
  }
  return best;
}

}  // namespace byon::registration
