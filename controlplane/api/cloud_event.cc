#include "controlplane/api/cloud_event.h"

#include "controlplane/api/resources.h"
#include "controlplane/api/wire_format.h"

namespace byon::api {
namespace {

using nlohmann::json;

constexpr std::string_view kDtmfType = "org.byon-gateway.events.v1.dtmf-received";
constexpr std::string_view kTransferType = "org.byon-gateway.events.v1.transfer";

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
    case EventType::kDtmf:
    case EventType::kTransfer: return "session-status";  // come with the status scope
  }
  return "";
}

std::string ApiName(Release release) {
  return release == Release::kR2_2 ? "webrtc-events" : "webrtc-events-subscriptions";
}

std::string PrefixedName(EventType type, Release release) {
  return "org.camaraproject." + ApiName(release) + ".v0." + std::string(ShortName(type));
}

}  // namespace

std::string TypeName(EventType type, Release release) {
  if (type == EventType::kDtmf) return std::string(kDtmfType);
  if (type == EventType::kTransfer) return std::string(kTransferType);
  return PrefixedName(type, release);
}

std::optional<EventType> ParseSubscribableType(std::string_view name, Release release) {
  for (const EventType type :
       {EventType::kSessionInvitation, EventType::kSessionStatus, EventType::kRegistrationEnds}) {
    if (name == TypeName(type, release)) return type;
  }
  return std::nullopt;
}

std::string CreateScope(EventType type, Release release) {
  return ApiName(release) + ":" + PrefixedName(type, release) + ":create";
}

std::string CloudEvent::Text() const { return Dump(body); }

std::string CloudEvent::TextFor(const std::string& subscription_id, Release release) const {
  json copy = body;
  json& data = copy["data"];
  data["subscriptionId"] = subscription_id;
  if (release == Release::kR2_2) {
    copy["type"] = TypeName(type, release);
    data.erase("locationDetails");
    if (!client_correlator.empty()) data["clientCorrelator"] = client_correlator;
  }
  return Dump(copy);
}

CloudEvent CloudEventFactory::Wrap(EventType type, json data) const {
  CloudEvent event{type, new_id_(), {}, {}, {}, {}};
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
  const auto of_session = [this](EventType type, const gateway::MediaSession& session,
                                 const std::optional<std::string>& location_json) {
    CloudEvent made = Wrap(type, SessionEventData(session, location_json, home_domain_));
    made.registration_id = session.registration_id;
    made.media_session_id = session.media_session_id;
    made.client_correlator = session.client_correlator;
    return made;
  };
  if (const auto* invitation = std::get_if<gateway::SessionInvitation>(&event)) {
    return of_session(EventType::kSessionInvitation, invitation->session, std::nullopt);
  }
  if (const auto* status = std::get_if<gateway::SessionStatus>(&event)) {
    return of_session(EventType::kSessionStatus, status->session, status->location_json);
  }
  if (const auto* ends = std::get_if<gateway::RegistrationEnds>(&event)) {
    CloudEvent made = Wrap(EventType::kRegistrationEnds, RegistrationEndsData(*ends));
    made.registration_id = ends->registration_id;
    return made;
  }
  if (const auto* progress = std::get_if<gateway::TransferProgress>(&event)) {
    return Wrap(EventType::kTransfer, TransferData(*progress));
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
