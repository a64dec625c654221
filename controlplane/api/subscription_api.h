#pragma once

#include "controlplane/api/exchange.h"
#include "controlplane/api/subscription_registry.h"

namespace byon::api {

// The operations of webrtc-events-subscriptions v0.3 (CAMARA r3.1).
class SubscriptionApi {
 public:
  SubscriptionApi(SubscriptionRegistry& subscriptions, Clock now, bool may_use_private_networks,
                  Strictness strictness)
      : subscriptions_(subscriptions),
        now_(std::move(now)),
        may_use_private_networks_(may_use_private_networks),
        is_compat_(strictness == Strictness::kCompat) {}

  void Create(const ExchangePointer& exchange);
  void List(const ExchangePointer& exchange);
  void Get(const ExchangePointer& exchange);
  void Update(const ExchangePointer& exchange);
  void Delete(const ExchangePointer& exchange);

 private:
  SubscriptionRegistry& subscriptions_;
  const Clock now_;
  const bool may_use_private_networks_;
  const bool is_compat_;
};

// Whether a sink is an https URL without user, password or fragment; and, when `may_be_private` is false, not
// plainly inside this network. Names are judged again when they have been resolved.
bool IsSink(const std::string& url, bool may_be_private);

}  // namespace byon::api
