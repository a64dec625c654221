#pragma once

#include "controlplane/api/channel/channel_registry.h"
#include "controlplane/api/events/cloud_event.h"
#include "controlplane/api/events/subscription_registry.h"

namespace byon::api {

// Where the gateway's events come out: each becomes one CloudEvent, for the device's webhooks and its channel.
class EventHub final : public gateway::EventSink {
 public:
  EventHub(const CloudEventFactory& events, SubscriptionRegistry& subscriptions, ChannelRegistry& channels)
      : events_(events), subscriptions_(subscriptions), channels_(channels) {}

  void OnEvent(const gateway::DeviceKey& device, const gateway::Event& event) override {
    // Told by the answer to the request: there is no session.
    const auto* emergency = std::get_if<gateway::EmergencyNotice>(&event);
    if (emergency != nullptr && emergency->step == call::EmergencyStep::kRefused) return;
    const CloudEvent made = events_.Make(event);
    channels_.Deliver(device, made);
    const bool is_extension = made.type == EventType::kDtmf || made.type == EventType::kTransfer ||
                              made.type == EventType::kReferral || made.type == EventType::kEmergency;
    if (!is_extension) subscriptions_.Deliver(device, made);
  }

 private:
  const CloudEventFactory& events_;
  SubscriptionRegistry& subscriptions_;
  ChannelRegistry& channels_;
};

}  // namespace byon::api
