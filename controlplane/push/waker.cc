#include "controlplane/push/waker.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controlplane/call/status_machine.h"
#include "dataplane/base/utc_text.h"

namespace byon::push {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kFirstDelay{500};
constexpr milliseconds kLongestDelay{8000};
// A device that was woken must still hear that it was in vain, also when the call ended as its ringing time did.
constexpr seconds kCancelLife{30};
constexpr char kInvitationType[] = "org.byon-gateway.push.v1.incoming-call";
constexpr char kCancelType[] = "org.byon-gateway.push.v1.call-ended";

}  // namespace

std::string_view ToString(Counter counter) {
  constexpr std::string_view kNames[] = {"sent",    "accepted",   "retried",      "gone",          "refused",
                                         "expired", "unreadable", "switched_off", "stale_channel", "cancelled"};
  static_assert(std::size(kNames) == static_cast<size_t>(Counter::kCount));
  return kNames[static_cast<size_t>(counter)];
}

Provider* Providers::For(const Subscription& subscription) const {
  const std::unique_ptr<Provider>* kinds[] = {&web_push, &fcm, &apns};
  return kinds[subscription.index()]->get();
}

Waker::Waker(WakerConfig config, Providers providers, Ports ports)
    : config_(std::move(config)), providers_(std::move(providers)), ports_(std::move(ports)) {}

void Waker::OnEvent(const gateway::DeviceKey& device, const gateway::Event& event) {
  if (const auto* invitation = std::get_if<gateway::SessionInvitation>(&event)) {
    Invite(device, invitation->session);
  } else if (const auto* status = std::get_if<gateway::SessionStatus>(&event)) {
    Follow(device, status->session);
  }
}

void Waker::Invite(const gateway::DeviceKey& device, const gateway::MediaSession& session) {
  const std::string kept = ports_.directory.PushSubscriptionOf(session.registration_id);
  if (kept.empty()) return;
  Waking waking{.device = device, .session = session, .kept = kept};
  auto subscription = ParseSubscription(kept);
  if (!subscription) {
    Note(Counter::kUnreadable, waking, "");
    return ports_.directory.DropPushSubscription(session.registration_id, kept);
  }
  waking.subscription = std::move(*subscription);
  if (providers_.For(waking.subscription) == nullptr) return Note(Counter::kSwitchedOff, waking, "");
  waking.ring_ends_at = waking.expires_at = ports_.now() + config_.ring_timeout;
  const std::string& id = session.media_session_id;
  Waking& entry = wakings_.insert_or_assign(id, std::move(waking)).first->second;
  if (!ports_.is_connected(device)) return Send(id);
  // The client is there, or its connection only seems to be: a laptop that sleeps, a page that was frozen.
  entry.timer = ports_.timers.After(config_.ack_wait, [this, id, told_at = ports_.now()] {
    const auto it = wakings_.find(id);
    if (it == wakings_.end()) return;
    if (ports_.is_connected(it->second.device) && !ports_.is_silent_since(it->second.device, told_at)) return;
    Note(Counter::kStaleChannel, it->second, "");
    Send(id);
  });
}

// What becomes of the call: the device has taken it, or it is over.
void Waker::Follow(const gateway::DeviceKey& device, const gateway::MediaSession& session) {
  const auto it = wakings_.find(session.media_session_id);
  if (it == wakings_.end()) return;
  Waking& waking = it->second;
  waking.session.status = session.status;
  waking.session.reason = session.reason;
  const bool is_ended = call::IsTerminal(session.status);
  // Only the device itself moves its call before the end: nothing needs to be sent again.
  if (!is_ended) waking.is_awake = true;
  waking.timer.reset();
  if (!is_ended && !call::IsAnswered(session.status)) return;
  waking.is_over = true;
  if (waking.is_sending) return;  // its outcome decides
  // Who answered knows; who is connected was told of the end.
  if (is_ended && waking.was_accepted && !ports_.is_connected(device)) return Cancel(it->first, waking);
  wakings_.erase(it);
}

void Waker::Cancel(const std::string& id, Waking& waking) {
  Note(Counter::kCancelled, waking, "");
  waking.is_cancel = true;
  waking.attempts = 0;
  waking.expires_at = std::max(waking.ring_ends_at, ports_.now() + kCancelLife);
  Send(std::string(id));
}

void Waker::Send(const std::string& id) {
  Waking& waking = wakings_.at(id);
  waking.timer.reset();
  waking.is_sending = true;
  ++waking.attempts;
  counters_.Add(Counter::kSent);
  // The id of a session is as long as a topic may be: 32 digits.
  const Message message{id.substr(0, 32), TextOf(waking), waking.expires_at};
  providers_.For(waking.subscription)
      ->Send(waking.subscription, message, [this, id, alive = std::weak_ptr<bool>(alive_)](const Outcome& outcome) {
        if (!alive.expired()) OnOutcome(id, outcome);
      });
}

void Waker::OnOutcome(const std::string& id, const Outcome& outcome) {
  const auto it = wakings_.find(id);
  if (it == wakings_.end()) return;
  Waking& waking = it->second;
  waking.is_sending = false;
  const bool is_in_vain = waking.is_over && !waking.is_cancel;  // the call ended meanwhile
  switch (outcome.verdict) {
    case Verdict::kAccepted: {
      Note(Counter::kAccepted, waking, outcome.why);
      waking.was_accepted = true;
      if (waking.is_cancel) break;
      if (!waking.is_over) return ports_.directory.AlertCaller(id);
      const bool must_take_back = call::IsTerminal(waking.session.status) && !ports_.is_connected(waking.device);
      if (must_take_back) return Cancel(id, waking);
      break;
    }
    case Verdict::kRetry:
      if (is_in_vain || waking.is_awake) break;
      return Retry(id, waking, outcome.retry_after);
    case Verdict::kRefused: Note(Counter::kRefused, waking, outcome.why); break;
    case Verdict::kGone: {
      Note(Counter::kGone, waking, outcome.why);
      const Waking dead = std::move(waking);
      wakings_.erase(it);
      // May end the registration, and the call with it.
      return ports_.directory.DropPushSubscription(dead.session.registration_id, dead.kept);
    }
  }
  wakings_.erase(it);
}

void Waker::Retry(const std::string& id, Waking& waking, seconds retry_after) {
  const milliseconds back_off = std::min(kLongestDelay, kFirstDelay * (1 << std::min(waking.attempts - 1, 10U)));
  const milliseconds delay = std::max(back_off, milliseconds(retry_after));
  if (ports_.now() + delay >= waking.expires_at) {
    Note(Counter::kExpired, waking, "");
    wakings_.erase(id);
    return;
  }
  Note(Counter::kRetried, waking, "");
  waking.timer = ports_.timers.After(delay, [this, id] {
    const auto it = wakings_.find(id);
    if (it != wakings_.end() && !it->second.is_sending) Send(id);
  });
}

void Waker::Note(Counter counter, const Waking& waking, std::string_view why) {
  counters_.Add(counter);
  std::string detail = std::string(ToString(counter)) + " call=" + waking.session.media_session_id;
  if (counter != Counter::kUnreadable) detail += " type=" + std::string(TypeOf(waking.subscription));
  if (waking.attempts > 0) detail += " attempt=" + std::to_string(waking.attempts);
  if (!why.empty()) detail += " why=" + std::string(why);
  const bool is_good = counter != Counter::kUnreadable && counter != Counter::kRefused && counter != Counter::kExpired;
  ports_.observer(is_good ? "push" : "push_failed", detail);
}

std::string Waker::TextOf(const Waking& waking) const {
  const gateway::MediaSession& session = waking.session;
  nlohmann::json data{{"mediaSessionId", session.media_session_id},
                      {"registrationId", session.registration_id},
                      {"originatorAddress", session.originator_address}};
  if (!session.originator_name.empty()) data["originatorName"] = session.originator_name;
  if (const auto& caller = session.originator_assurance) {
    data["originatorIdentity"]["asserted"] = caller->is_asserted;
    if (caller->number_check == call::NumberCheck::kFailed) data["originatorIdentity"]["verification"] = "failed";
  }
  if (waking.is_cancel) {
    data["status"] = call::ToString(session.status);
    data["reason"] = session.reason;
  } else {
    data["expiresAt"] = base::UtcText(waking.ring_ends_at);
  }
  const nlohmann::json event{{"specversion", "1.0"},
                             {"id", ports_.new_id()},
                             {"source", config_.source},
                             {"type", waking.is_cancel ? kCancelType : kInvitationType},
                             {"time", base::UtcText(ports_.now())},
                             {"datacontenttype", "application/json"},
                             {"data", std::move(data)}};
  return event.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace byon::push
