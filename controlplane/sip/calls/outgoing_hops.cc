// Calls that choose their next hop by themselves, among several: over the interconnection (NNI), where no registration
// stands behind them, and to the elements that take emergency calls.
#include <algorithm>

#include "controlplane/sip/calls/outgoing_call.h"

namespace byon::sip {

using std::chrono::seconds;

// The network at the other end of the trunk knows numbers as SIP URIs of its own domain (RFC 3261 section 19.1.6).
void OutgoingCall::ApplyTrunk() {
  const SipConfig& config = context_.config;
  const std::string& domain = config.trunk.domain.empty() ? config.home_domain : config.trunk.domain;
  if (invite_.target_uri.starts_with("tel:+")) {
    invite_.target_uri = "sip:" + invite_.target_uri.substr(4) + "@" + domain + ";user=phone";
  }
  choice_ = {&config.trunk.next_hops, &context_.trunk_hops};
}

// Without elements of their own emergency calls go the way of all others, as what they are.
void OutgoingCall::ApplyEmergency() {
  context_.counters.Add(SipCounter::kEmergencyInviteSent);
  const std::vector<std::string>& hops = context_.config.emergency_next_hops;
  if (!hops.empty()) choice_ = {&hops, &context_.emergency_hops};
}

bool OutgoingCall::UseNextHop() {
  auto hop = choice_.health->ChooseOther(hops_tried_, SipThread::Clock::now());
  if (!hop && hops_tried_.empty()) hop = 0;  // all were silent lately: one of them may be back
  // Help may be behind any of them: what was silent lately is tried too.
  for (size_t i = 0; !hop && invite_.emergency && i < choice_.uris->size(); ++i) {
    if (std::find(hops_tried_.begin(), hops_tried_.end(), i) == hops_tried_.end()) hop = i;
  }
  if (!hop) return false;
  hops_tried_.push_back(*hop);
  invite_.binding.next_hop = (*choice_.uris)[*hop];
  routes_ = {"<" + invite_.binding.next_hop + ";lr>"};
  has_response_ = false;
  Name();
  return true;
}

// The hop in use is silent, or wants to be left alone for so long: the call goes another way (RFC 3263 section 4.3).
// False when there is none, or the call has no choice.
bool OutgoingCall::LeaveHop(std::optional<seconds> retry_after, bool is_over) {
  if (!has_choice()) return false;
  const auto now = SipThread::Clock::now();
  const size_t hop = hops_tried_.back();
  retry_after ? choice_.health->ReportRetryAfter(hop, *retry_after, now) : choice_.health->ReportSilence(hop, now);
  const size_t trial = hops_tried_.size();
  if (!UseNextHop()) return false;
  // One that has not answered at all may have the INVITE nevertheless: what rings there shall stop.
  if (!is_over) {
    transaction_->Cancel("");
    left_[trial] = std::move(transaction_);
  }
  transaction_.reset();
  credentials_ = {};  // another element asks for its own
  SendInvite();
  return true;
}

// It answered before the CANCEL reached it. Its 200 comes again until there is an ACK, and then belongs to no
// transaction and to no call: such a one gets ACK and BYE (RFC 3261 section 13.2.2.4).
void OutgoingCall::HandleLeftHop(size_t trial, int status) {
  if (status >= 200 && status < 300) left_.erase(trial);
}

}  // namespace byon::sip
