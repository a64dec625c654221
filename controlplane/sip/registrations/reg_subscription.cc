#include "controlplane/sip/registrations/reg_subscription.h"

namespace byon::sip {

using registration::SipDeregistered;

namespace {

constexpr uint32_t kWantedExpiresS = 600'000;  // TS 24.229 section 5.1.1.3

SipDeregistered::Event EventOf(const std::string& event) {
  using Event = SipDeregistered::Event;
  if (event == "rejected") return Event::kRejected;
  if (event == "deactivated") return Event::kDeactivated;
  if (event == "probation") return Event::kProbation;
  if (event == "expired") return Event::kExpired;
  if (event == "shortened") return Event::kShortened;
  return Event::kUnregistered;
}

std::string UserOf(const std::string& uri) {
  const auto parts = ParseUri(uri);
  return parts ? parts->user : std::string();
}

}  // namespace

RegSubscription::RegSubscription(ShardContext& context, Owner& owner, std::string registration_id,
                                 SubscriptionState state)
    : context_(context),
      owner_(owner),
      registration_id_(std::move(registration_id)),
      subscription_(context, *this, {"reg", "application/reginfo+xml", kWantedExpiresS}, std::move(state)) {}

// The network does not offer the package; without it a removal shows at the next refresh.
void RegSubscription::OnRefused(int) {
  context_.counters.Add(SipCounter::kRegEventRefused);
  OnWaiting();
}

// By URI first: an older contact of the same device may be in the same document.
const ReginfoContact* RegSubscription::FindOurs(const Reginfo& document, const std::string& contact_token) const {
  const std::string instance_id = owner_.InstanceIdOf(registration_id_);
  const ReginfoContact* ours = nullptr;
  for (const ReginfoRegistration& registration : document.registrations) {
    for (const ReginfoContact& contact : registration.contacts) {
      if (UserOf(contact.uri) == contact_token) ours = &contact;
    }
  }
  for (const ReginfoRegistration& registration : document.registrations) {
    for (const ReginfoContact& contact : registration.contacts) {
      const bool is_same_device = contact.instance_id == instance_id;
      if (ours == nullptr && !contact.instance_id.empty() && is_same_device) ours = &contact;
    }
  }
  return ours;
}

void RegSubscription::OnNotification(const EventSubscription::Notification& notification) {
  if (notification.body.empty() || notification.content_type != "application/reginfo+xml") return;
  const auto document = ParseReginfo(notification.body);
  if (!document) {
    context_.counters.Add(SipCounter::kRegEventMalformed);
    return;
  }
  const EventSubscription::Target target = CurrentTarget();
  if (const ReginfoContact* ours = FindOurs(*document, target.contact_token)) {
    const bool is_shortened = ours->event == "shortened";
    if (!ours->is_terminated && !is_shortened) return;
    return owner_.OnContactTerminated(
        registration_id_, {.event = EventOf(ours->event),
                           .retry_after = is_shortened ? ours->expires : ours->retry_after});
  }
  for (const ReginfoRegistration& registration : document->registrations) {
    // TS 24.229 section 5.1.1.7: the whole identity is gone, and nothing is said of our contact.
    if (registration.is_terminated && registration.contacts.empty() &&
        registration.aor == target.impu) {
      return owner_.OnContactTerminated(
          registration_id_,
          {.event = SipDeregistered::Event::kUnregistered, .retry_after = std::nullopt});
    }
  }
}

}  // namespace byon::sip
