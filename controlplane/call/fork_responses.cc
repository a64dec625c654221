#include "controlplane/call/fork_responses.h"

namespace byon::call {
namespace {

constexpr int kUnavailable = 480;

// What a caller can make sense of.
int Passable(int status) {
  switch (status) {
    case 401:  // the credentials are ours
    case 407:
    case 408:  // it is our branch that has timed out, and not the caller's request
    case 420:  // what we have asked for
    case 421:
    case 422:
    case 482:  // of our way to the phone
    case 483:
    case 487:
    case 494: return kUnavailable;
    case 503: return 500;  // RFC 3261 section 16.7: one branch is overloaded, and not whom the caller speaks to
    default: return status < 400 ? kUnavailable : status;
  }
}

// The lower, the better: global failures, then the lowest class. Within 4xx a user who is busy says more than one who
// cannot be reached, and both more than what is wrong with a request.
int RankOf(int status) {
  if (status >= 600) return 0;
  if (status == 486) return 1;
  if (status == kUnavailable) return 2;
  return status < 500 ? 3 : 4;
}

}  // namespace

void ForkResponses::Add(int status) {
  const int passed = Passable(status);
  if (!best_ || RankOf(passed) < RankOf(*best_)) best_ = passed;
}

int ForkResponses::Best() const { return best_.value_or(kUnavailable); }

}  // namespace byon::call
