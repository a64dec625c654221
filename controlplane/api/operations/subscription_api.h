#pragma once

#include "controlplane/api/events/subscription_registry.h"
#include "controlplane/api/exchange.h"

namespace byon::api {

// The operations of webrtc-events-subscriptions v0.3 (CAMARA r3.1) and webrtc-events v0.2 (r2.2).
class SubscriptionApi {
 public:
  SubscriptionApi(SubscriptionRegistry& subscriptions, gateway::Service& service, Clock now,
                  bool may_use_private_networks)
      : subscriptions_(subscriptions),
        service_(service),
        now_(std::move(now)),
        may_use_private_networks_(may_use_private_networks) {}

  void Create(const ExchangePointer& exchange);
  void List(const ExchangePointer& exchange);
  void Get(const ExchangePointer& exchange);
  void Update(const ExchangePointer& exchange);
  void Delete(const ExchangePointer& exchange);

 private:
  // Finds out which device a subscription of r2.2 is for; the error to answer, if any.
  std::optional<ApiError> ResolveRegistration(const Exchange& exchange, Subscription& wanted) const;

  SubscriptionRegistry& subscriptions_;
  gateway::Service& service_;
  const Clock now_;
  const bool may_use_private_networks_;
};

// Whether a sink is an https URL without user, password or fragment; and, when `may_be_private` is false, not
// plainly inside this network. Names are judged again when they have been resolved.
bool IsSink(const std::string& url, bool may_be_private);

}  // namespace byon::api
