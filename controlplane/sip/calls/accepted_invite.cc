#include "controlplane/sip/calls/accepted_invite.h"

#include <algorithm>

namespace byon::sip {

AcceptedInvite::AcceptedInvite(ShardContext& context, std::unique_ptr<ServerTransaction> invite, uint32_t cseq,
                               std::string headers, std::string body, std::function<void()> on_timeout)
    : context_(context),
      invite_(std::move(invite)),
      cseq_(cseq),
      headers_(std::move(headers)),
      body_(std::move(body)),
      on_timeout_(std::move(on_timeout)),
      interval_(context.config.timers.t1),
      timer_(context.thread) {
  SendAndWait();
}

void AcceptedInvite::SendAndWait() {
  const SipTimers& timers = context_.config.timers;
  if (waited_ >= 64 * timers.t1) {
    context_.counters.Add(SipCounter::kAckTimeout);
    const auto on_timeout = on_timeout_;  // survives this object
    return on_timeout();
  }
  invite_->Respond(200, "OK", headers_, body_);
  timer_.Set(interval_, [this] {
    waited_ += interval_;
    interval_ = std::min(2 * interval_, context_.config.timers.t2);
    SendAndWait();
  });
}

}  // namespace byon::sip
