#include "controlplane/sip/registrations/reg_subscription.h"

namespace byon::sip {

namespace {

constexpr uint32_t kWantedExpiresS = 600'000;  // TS 24.229 section 5.1.1.3

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

void RegSubscription::OnNotification(const EventSubscription::Notification& notification) {
  if (notification.body.empty() || notification.content_type != "application/reginfo+xml") return;
  const auto document = ParseReginfo(notification.body);
  if (!document) {
    context_.counters.Add(SipCounter::kRegEventMalformed);
    return;
  }
  owner_.OnDocument(registration_id_, *document);
}

}  // namespace byon::sip
