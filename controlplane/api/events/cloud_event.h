#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "controlplane/api/clock_and_timers.h"
#include "controlplane/api/dialect.h"
#include "controlplane/gateway/service.h"

namespace byon::api {

enum class EventType : uint8_t {
  kSessionInvitation,
  kSessionStatus,
  kRegistrationEnds,
  kSubscriptionEnded,
  kDtmf,
  kTransfer,
  kReferral,
  kEmergency,
  kMessageReceived,
  kMessageStatus,
  kPresenceChanged
};

// The CloudEvents type, e.g. "org.camaraproject.webrtc-events-subscriptions.v0.session-status".
std::string TypeName(EventType type, Release release = Release::kR3_1);
// One of the types that can be subscribed to: CAMARA's three, with r3.1 those of messages and presence too.
std::optional<EventType> ParseSubscribableType(std::string_view name, Release release = Release::kR3_1);
// The OAuth scope that lets a client have events of a type.
std::string CreateScope(EventType type, Release release = Release::kR3_1);

// One CloudEvent, the same for every webhook and channel it goes to.
struct CloudEvent {
  EventType type = EventType::kSessionStatus;
  std::string id;
  nlohmann::json body;  // the whole event, as in r3.1
  // Of what it tells; empty where that has none.
  std::string registration_id;
  std::string media_session_id;
  std::string client_correlator;

  // As a webhook gets it: with data.subscriptionId, in the words of the subscription's release.
  std::string TextFor(const std::string& subscription_id, Release release) const;
  std::string Text() const;
};

// Makes events with fresh ids.
class CloudEventFactory {
 public:
  // `source`: the context of the ids, a URI; `new_id`: unguessable ids.
  CloudEventFactory(std::string source, std::string home_domain, Clock now, std::function<std::string()> new_id)
      : source_(std::move(source)),
        home_domain_(std::move(home_domain)),
        now_(std::move(now)),
        new_id_(std::move(new_id)) {}

  const std::string& home_domain() const { return home_domain_; }
  CloudEvent Make(const gateway::Event& event) const;
  CloudEvent MakeSubscriptionEnded(const std::string& subscription_id, const std::string& reason,
                                   const std::string& description) const;

 private:
  CloudEvent Wrap(EventType type, nlohmann::json data) const;

  const std::string source_;
  const std::string home_domain_;
  const Clock now_;
  const std::function<std::string()> new_id_;
};

}  // namespace byon::api
