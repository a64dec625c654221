// Calls over the interconnection (NNI): no registration, several hops, an identity that the gateway vouches for.
#include "controlplane/sip/outgoing_call.h"

namespace byon::sip {

using std::chrono::seconds;

// The network at the other end of the trunk knows numbers as SIP URIs of its own domain (RFC 3261 section 19.1.6).
void OutgoingCall::ApplyTrunk() {
  const SipConfig& config = context_.config;
  const std::string& domain = config.trunk.domain.empty() ? config.home_domain : config.trunk.domain;
  if (invite_.target_uri.starts_with("tel:+")) {
    invite_.target_uri = "sip:" + invite_.target_uri.substr(4) + "@" + domain + ";user=phone";
  }
  // The hop is chosen when the call is sent; that there is one is all that matters before.
  if (!config.trunk.next_hops.empty()) invite_.binding.next_hop = config.trunk.next_hops.front();
}

bool OutgoingCall::UseTrunkHop() {
  auto hop = context_.trunk_hops.ChooseOther(trunk_hops_tried_, SipThread::Clock::now());
  if (!hop && trunk_hops_tried_.empty()) hop = 0;  // all were silent lately: one of them may be back
  if (!hop) return false;
  trunk_hops_tried_.push_back(*hop);
  invite_.binding.next_hop = context_.config.trunk.next_hops[*hop];
  routes_ = {"<" + invite_.binding.next_hop + ";lr>"};
  has_response_ = false;
  Name();
  return true;
}

// The hop in use is silent, or wants to be left alone for so long: the call goes another way (RFC 3263 section 4.3).
// False when there is none, or the call is no trunk's.
bool OutgoingCall::LeaveTrunkHop(std::optional<seconds> retry_after, bool is_over) {
  if (!invite_.uses_trunk) return false;
  const auto now = SipThread::Clock::now();
  const size_t hop = trunk_hops_tried_.back();
  retry_after ? context_.trunk_hops.ReportRetryAfter(hop, *retry_after, now) : context_.trunk_hops.ReportSilence(hop, now);
  const size_t trial = trunk_hops_tried_.size();
  if (!UseTrunkHop()) return false;
  // One that has not answered at all may have the INVITE nevertheless: what rings there shall stop.
  if (!is_over) {
    transaction_->Cancel("");
    left_[trial] = std::move(transaction_);
  }
  transaction_.reset();
  SendInvite({});
  return true;
}

// It answered before the CANCEL reached it. Its 200 comes again until there is an ACK, and then belongs to no transaction
// and to no call: such a one gets ACK and BYE (RFC 3261 section 13.2.2.4).
void OutgoingCall::HandleLeftHop(size_t trial, int status) {
  if (status >= 200 && status < 300) left_.erase(trial);
}

}  // namespace byon::sip
