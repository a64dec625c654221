#include "controlplane/sip/registrations/renewal_queue.h"

#include <algorithm>
#include <utility>

namespace byon::sip {

using std::chrono::microseconds;
using std::chrono::milliseconds;

void RenewalQueue::Add(std::vector<BindingTable::Ticket> tickets, Reason reason, Time earliest, milliseconds window) {
  std::erase_if(batches_, [&](const Batch& batch) { return batch.reason == reason; });
  if (tickets.empty()) return;
  const auto interval = microseconds(window) / static_cast<int64_t>(tickets.size());
  batches_.push_back({std::move(tickets), reason, earliest, std::clamp<microseconds>(interval, kShortest, kLongest)});
}

std::vector<RenewalQueue::Renewal> RenewalQueue::Take(Time now, size_t room) {
  std::vector<Renewal> taken;
  for (Batch& batch : batches_) {
    while (!batch.tickets.empty() && batch.next <= now && taken.size() < room) {
      taken.push_back({batch.tickets.back(), batch.reason});
      batch.tickets.pop_back();
      batch.next += batch.interval;
    }
    if (batch.next <= now) batch.next = now + batch.interval;
  }
  std::erase_if(batches_, [](const Batch& batch) { return batch.tickets.empty(); });
  return taken;
}

RenewalQueue::Time RenewalQueue::NextTake() const {
  Time next = Time::max();
  for (const Batch& batch : batches_) next = std::min(next, batch.next);
  return next;
}

}  // namespace byon::sip
