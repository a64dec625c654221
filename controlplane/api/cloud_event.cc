#include "controlplane/api/cloud_event.h"

#include "controlplane/api/resources.h"
#include "controlplane/api/wire_format.h"

namespace byon::api {
namespace {

using nlohmann::json;

constexpr std::string_view kDtmfType = "org.byon-gateway.events.v1.dtmf-received";

// What the network says may be no UTF-8; an event must not fail for it.
std::string Dump(const json& body) {
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string_view ShortName(EventType type) {
  switch (type) {
    case EventType::kSessionInvitation: return "session-invitation";
    case EventType::kSessionStatus: return "session-status";
    case EventType::kRegistrationEnds: return "registration-ends";
    case EventType::kSubscriptionEnded: return "subscription-ended";
    case EventType::kDtmf: return "session-status";  // comes with the status scope
  }
  return "";
}

}  // namespace

std::string TypeName(EventType type) {
  if (type == EventType::kDtmf) return std::string(kDtmfType);
  return std::string(kEventPrefix) + std::string(ShortName(type));
}

std::optional<EventType> ParseSubscribableType(std::string_view name) {
  for (const EventType type :
       {EventType::kSessionInvitation, EventType::kSessionStatus, EventType::kRegistrationEnds}) {
    if (name == TypeName(type)) return type;
  }
  return std::nullopt;
}

std::string CreateScope(EventType type) {
  return "webrtc-events-subscriptions:" + std::string(kEventPrefix) + std::string(ShortName(type)) + ":create";
}

std::string CloudEvent::Text() const { return Dump(body); }

std::string CloudEvent::TextFor(const std::string& subscription_id) const {
  json copy = body;
  copy["data"]["subscriptionId"] = subscription_id;
  return Dump(copy);
}

CloudEvent CloudEventFactory::Wrap(EventType type, json data) const {
  CloudEvent event{type, new_id_(), {}};
  event.body = {{"id", event.id},
                {"source", source_},
                {"specversion", "1.0"},
                {"type", TypeName(type)},
                {"datacontenttype", "application/json"},
                {"time", FormatDateTime(now_())},
                {"data", std::move(data)}};
  return event;
}

CloudEvent CloudEventFactory::Make(const gateway::Event& event) const {
  if (const auto* invitation = std::get_if<gateway::SessionInvitation>(&event)) {
    return Wrap(EventType::kSessionInvitation,
                SessionEventData(invitation->session, std::nullopt, home_domain_));
  }
  if (const auto* status = std::get_if<gateway::SessionStatus>(&event)) {
    return Wrap(EventType::kSessionStatus,
                SessionEventData(status->session, status->location_json, home_domain_));
  }
  if (const auto* ends = std::get_if<gateway::RegistrationEnds>(&event)) {
    return Wrap(EventType::kRegistrationEnds, RegistrationEndsData(*ends));
  }
  return Wrap(EventType::kDtmf, DtmfData(std::get<gateway::DtmfReceived>(event)));
}

CloudEvent CloudEventFactory::MakeSubscriptionEnded(const std::string& subscription_id,
                                                    const std::string& reason,
                                                    const std::string& description) const {
  return Wrap(EventType::kSubscriptionEnded, {{"subscriptionId", subscription_id},
                                              {"terminationReason", reason},
                                              {"terminationDescription", description}});
}

}  // namespace byon::api
