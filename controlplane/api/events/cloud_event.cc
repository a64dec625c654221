#include "controlplane/api/events/cloud_event.h"

#include "controlplane/api/operations/message_api.h"
#include "controlplane/api/operations/presence_api.h"
#include "controlplane/api/operations/resources.h"
#include "controlplane/api/wire_format.h"

namespace byon::api {
namespace {

using nlohmann::json;

constexpr std::string_view kExtensionPrefix = "org.byon-gateway.events.v1.";

bool IsExtension(EventType type) {
  return type == EventType::kDtmf || type == EventType::kTransfer || type == EventType::kReferral ||
         type == EventType::kEmergency || type == EventType::kMessageReceived || type == EventType::kMessageStatus ||
         type == EventType::kPresenceChanged;
}

// What the network says may be no UTF-8; an event must not fail for it.
std::string Dump(const json& body) { return body.dump(-1, ' ', false, json::error_handler_t::replace); }

std::string_view ShortName(EventType type) {
  switch (type) {
    case EventType::kSessionInvitation: return "session-invitation";
    case EventType::kSessionStatus: return "session-status";
    case EventType::kRegistrationEnds: return "registration-ends";
    case EventType::kSubscriptionEnded: return "subscription-ended";
    case EventType::kDtmf: return "dtmf-received";
    case EventType::kTransfer: return "transfer";
    case EventType::kReferral: return "referral";
    case EventType::kEmergency: return "emergency";
    case EventType::kMessageReceived: return "message-received";
    case EventType::kMessageStatus: return "message-status";
    case EventType::kPresenceChanged: return "presence-changed";
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
  return IsExtension(type) ? std::string(kExtensionPrefix) + std::string(ShortName(type)) : PrefixedName(type, release);
}

std::optional<EventType> ParseSubscribableType(std::string_view name, Release release) {
  for (const EventType type :
       {EventType::kSessionInvitation, EventType::kSessionStatus, EventType::kRegistrationEnds}) {
    if (name == TypeName(type, release)) return type;
  }
  if (release == Release::kR2_2) return std::nullopt;
  for (const EventType type : {EventType::kMessageReceived, EventType::kMessageStatus, EventType::kPresenceChanged}) {
    if (name == TypeName(type, release)) return type;
  }
  return std::nullopt;
}

std::string CreateScope(EventType type, Release release) {
  if (type == EventType::kMessageReceived || type == EventType::kMessageStatus) return kReadMessages;
  if (type == EventType::kPresenceChanged) return kReadPresence;
  // What happens within a session comes with its scope.
  if (type == EventType::kDtmf || type == EventType::kTransfer || type == EventType::kReferral ||
      type == EventType::kEmergency)
    type = EventType::kSessionStatus;
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
  if (const auto* referral = std::get_if<gateway::ReferralProgress>(&event)) {
    return Wrap(EventType::kReferral, ReferralData(*referral));
  }
  if (const auto* notice = std::get_if<gateway::EmergencyNotice>(&event)) {
    return Wrap(EventType::kEmergency, EmergencyData(*notice));
  }
  const auto of_registration = [this](EventType type, const std::string& registration_id, json data) {
    CloudEvent made = Wrap(type, std::move(data));
    made.registration_id = registration_id;
    return made;
  };
  if (const auto* received = std::get_if<gateway::MessageReceived>(&event)) {
    return of_registration(EventType::kMessageReceived, received->registration_id, MessageBody(received->message));
  }
  if (const auto* changed = std::get_if<gateway::MessageStatus>(&event)) {
    return of_registration(EventType::kMessageStatus, changed->registration_id, MessageBody(changed->message));
  }
  if (const auto* changed = std::get_if<gateway::PresenceChanged>(&event)) {
    return of_registration(EventType::kPresenceChanged, changed->registration_id, PresenceBody(changed->state));
  }
  return Wrap(EventType::kDtmf, DtmfData(std::get<gateway::DtmfReceived>(event)));
}

CloudEvent CloudEventFactory::MakeSubscriptionEnded(const std::string& subscription_id, const std::string& reason,
                                                    const std::string& description) const {
  return Wrap(
      EventType::kSubscriptionEnded,
      {{"subscriptionId", subscription_id}, {"terminationReason", reason}, {"terminationDescription", description}});
}

}  // namespace byon::api
