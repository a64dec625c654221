#include "controlplane/api/operations/resources.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "controlplane/api/object_reader.h"
#include "controlplane/api/wire_format.h"

namespace byon::api {
namespace {

using nlohmann::json;

constexpr size_t kMaxName = 256;
constexpr size_t kMaxReason = 2048;

// The texts of the network may be longer or stranger than the schemas allow.
std::string Fitting(const std::string& text, size_t max) {
  if (IsPlainText(text) && CharacterCount(text) <= max) return text;
  std::string fitting;
  for (const char c : text) {
    if (fitting.size() == max) break;
    fitting += c >= 0x20 && c < 0x7f ? c : '?';
  }
  return fitting;
}

void AddText(json& body, const char* name, const std::string& text, size_t max) {
  if (!text.empty()) body[name] = Fitting(text, max);
}

void AddSdp(json& body, const char* name, const std::optional<std::string>& sdp) {
  if (sdp) body[name] = {{"sdp", *sdp}};
}

double Hundredths(double value) { return std::round(value * 100) / 100; }

void AddNumber(json& body, const char* name, const std::optional<double>& value) {
  if (value) body[name] = Hundredths(*value);
}

json LegBody(const gateway::MediaQuality::Leg& leg) {
  json body{{"codec", leg.codec},
            {"packetsReceived", leg.packets_received},
            {"packetsSent", leg.packets_sent},
            {"packetsLost", leg.packets_lost},
            {"jitterMs", leg.jitter_ms},
            {"roundTripMs", leg.round_trip_ms},
            {"playoutDelayMs", leg.playout_delay_ms},
            {"addedLatencyMs", leg.added_latency_ms},
            {"concealedFrames", leg.concealed_frames},
            {"recoveredFrames", leg.recovered_frames},
            {"latePackets", leg.late_packets},
            {"duplicatePackets", leg.duplicate_packets},
            {"remoteFractionLost", leg.remote_fraction_lost},
            {"sentCodec", leg.sent_codec}};
  if (const auto& quality = leg.quality) {
    body["mos"] = Hundredths(quality->mos_conversational);
    body["mosListening"] = Hundredths(quality->mos_listening);
    body["rFactor"] = Hundredths(quality->r_factor);
    body["wideband"] = quality->is_wideband;
    body["lossPercent"] = Hundredths(quality->loss_share * 100);
    body["discardPercent"] = Hundredths(quality->discard_share * 100);
    body["concealedPercent"] = Hundredths(quality->concealed_share * 100);
    body["oneWayDelayMs"] = Hundredths(quality->one_way_delay_ms);
  }
  AddNumber(body, "mosMean", leg.mean_mos);
  AddNumber(body, "mosWorst", leg.worst_mos);
  AddNumber(body, "remoteMos", leg.remote_mos);
  AddNumber(body, "signalLevelDbm0", leg.signal_level_dbm0);
  AddNumber(body, "noiseLevelDbm0", leg.noise_level_dbm0);
  return body;
}

void CheckCoordinates(const json& coordinates, const std::string& path, Mistakes& mistakes) {
  ObjectReader reader(coordinates, path, mistakes);
  const bool is_circle = reader.Has("radius");
  constexpr double kAny = 1e12;
  const auto number = [&reader](const char* name, double minimum, double maximum) {
    reader.Require(name);
    (void)reader.Number(name, minimum, maximum);
  };
  number("latitude", -90, 90);
  number("longitude", -180, 180);
  if (is_circle) {
    number("radius", 0, kAny);
  } else {
    for (const char* name : {"zAxis", "semiMajorAxis", "semiMinorAxis", "verticalAxis", "orientation"}) {
      number(name, -kAny, kAny);
    }
  }
  reader.Finish();
}

// Our member beside CAMARA's originatorAddress: what stands behind it.
void AddIdentity(json& body, const gateway::MediaSession& session) {
  if (!session.originator_assurance) return;
  json identity{{"asserted", session.originator_assurance->is_asserted}};
  switch (session.originator_assurance->number_check) {
    case call::NumberCheck::kUntold: break;
    case call::NumberCheck::kPassed: identity["verification"] = "passed"; break;
    case call::NumberCheck::kFailed: identity["verification"] = "failed"; break;
    case call::NumberCheck::kNotDone: identity["verification"] = "none"; break;
  }
  body["originatorIdentity"] = std::move(identity);
}

// Absent for an ordinary call.
const char* WordOf(call::Emergency emergency) {
  switch (emergency) {
    case call::Emergency::kNone: return nullptr;
    case call::Emergency::kCall: return "call";
    case call::Emergency::kAnswered: return "answered";
    case call::Emergency::kCallback: return "callback";
  }
  return nullptr;
}

}  // namespace

json RegistrationBody(const gateway::Registration& registration) {
  return {{"registrationId", registration.registration_id},
          {"regInfo", {{"phoneNumber", registration.phone_number}, {"regStatus", "Registered"}}},
          {"expiresAt", FormatDateTime(registration.expires_at)}};
}

json MediaSessionBody(const gateway::MediaSession& session) {
  json body{{"mediaSessionId", session.media_session_id},
            {"originatorAddress", session.originator_address},
            {"receiverAddress", session.receiver_address},
            {"status", call::ToString(session.status)},
            {"offer", {{"sdp", session.offer_sdp.value_or("")}}}};
  AddText(body, "originatorName", session.originator_name, kMaxName);
  AddText(body, "receiverName", session.receiver_name, kMaxName);
  AddSdp(body, "answer", session.answer_sdp);
  if (session.emergency == call::Emergency::kCall) body["callType"] = "EMERGENCY";
  return body;
}

json MediaSessionBodyOfR2_2(const gateway::MediaSession& session, const std::string& home_domain) {
  json body{{"mediaSessionId", session.media_session_id},
            {"originatorAddress", ToEventAddress(session.originator_address, home_domain)},
            {"receiverAddress", ToEventAddress(session.receiver_address, home_domain)},
            {"status", call::ToString(session.status)}};
  AddText(body, "originatorName", session.originator_name, kMaxName);
  AddText(body, "receiverName", session.receiver_name, kMaxName);
  AddText(body, "clientCorrelator", session.client_correlator, kMaxName);
  AddText(body, "reason", session.reason, kMaxReason);
  if (session.sequence_number > 0) body["sequenceNumber"] = session.sequence_number;
  AddSdp(body, "offer", session.offer_sdp);
  AddSdp(body, "answer", session.answer_sdp);
  return body;
}

json CallBody(const gateway::MediaSession& session) {
  json body = MediaSessionBody(session);
  AddIdentity(body, session);
  body["registrationId"] = session.registration_id;
  body["deviceId"] = session.device_id;
  body["direction"] = session.is_originating ? "originating" : "terminating";
  if (const char* word = WordOf(session.emergency)) body["emergency"] = word;
  body["sequenceNumber"] = session.sequence_number;
  body["createdAt"] = FormatDateTime(session.created_at);
  if (session.connected_at) body["connectedAt"] = FormatDateTime(*session.connected_at);
  AddText(body, "reason", session.reason, kMaxReason);
  return body;
}

json CallElsewhereBody(const gateway::CallElsewhere& call) {
  json body = CallBody(call.session);
  // The descriptions are between the gateway and a device that has nothing to do with the reader.
  for (const char* name : {"offer", "answer", "reason"}) body.erase(name);
  body["place"] = call.is_on_phone ? "phone" : "device";
  return body;
}

json CallDetailsBody(const gateway::CallDetails& details) {
  json body = CallBody(details.session);
  const auto add_cause = [](json& target, const std::optional<gateway::SipCause>& cause) {
    if (!cause) return;
    json said = json::object();
    if (cause->sip_status != 0) said["sipStatus"] = cause->sip_status;
    if (cause->q850_cause != 0) said["q850Cause"] = cause->q850_cause;
    AddText(said, "text", cause->text, kMaxName);
    target["cause"] = std::move(said);
  };
  add_cause(body, details.cause);
  body["history"] = json::array();
  for (const gateway::CallChange& change : details.history) {
    json step{{"at", FormatDateTime(change.at)}, {"status", call::ToString(change.status)}};
    if (change.sequence_number > 0) step["sequenceNumber"] = change.sequence_number;
    AddText(step, "reason", change.reason, kMaxReason);
    add_cause(step, change.cause);
    body["history"].push_back(std::move(step));
  }
  for (const gateway::Diversion& diversion : details.diversions) {
    body["divertedFrom"].push_back({{"address", diversion.address}, {"reason", diversion.reason}});
  }
  if (!details.diverted_to.empty()) body["divertedTo"] = details.diverted_to;
  return body;
}

json QualityBody(const gateway::MediaQuality& quality) {
  return {{"access", LegBody(quality.access)}, {"ims", LegBody(quality.ims)}, {"drops", quality.drops}};
}

void CheckLocation(const json& location, const std::string& path, Mistakes& mistakes) {
  ObjectReader reader(location, path, mistakes);
  const auto shape = reader.Choice("shape", {"Circle", "Ellipsoid"});
  if (const json* coordinates = reader.Object("coordinates")) {
    CheckCoordinates(*coordinates, path + ".coordinates", mistakes);
    const bool is_circle = coordinates->contains("radius");
    if (shape && (*shape == "Circle") != is_circle) reader.Mistake("shape", "does not fit the coordinates");
  }
  (void)reader.Choice("method", {"GPS", "DBH", "DBH_HELO", "Other"});
  if (const json* confidence = reader.Object("confidence")) {
    ObjectReader inner(*confidence, path + ".confidence", mistakes);
    (void)inner.Choice("pdf", {"normal", "uniform"});
    (void)inner.Number("value", 0, 100);
    inner.Finish();
  }
  (void)reader.DateTime("timestamp");
  reader.Finish();
}

json SessionEventData(const gateway::MediaSession& session, const std::optional<std::string>& location_json,
                      const std::string& home_domain) {
  json data{{"mediaSessionId", session.media_session_id},
            {"originatorAddress", ToEventAddress(session.originator_address, home_domain)},
            {"receiverAddress", ToEventAddress(session.receiver_address, home_domain)},
            {"status", call::ToString(session.status)},
            {"sequenceNumber", std::max(1, session.sequence_number)}};
  AddText(data, "originatorName", session.originator_name, kMaxName);
  AddIdentity(data, session);
  AddText(data, "receiverName", session.receiver_name, kMaxName);
  AddText(data, "reason", session.reason, kMaxReason);
  AddSdp(data, "offer", session.offer_sdp);
  AddSdp(data, "answer", session.answer_sdp);
  if (location_json) {
    const json location = json::parse(*location_json, nullptr, false);
    if (location.is_object()) data["locationDetails"] = location;
  }
  return data;
}

json RegistrationEndsData(const gateway::RegistrationEnds& ends) {
  json data{{"registrationId", ends.registration_id},
            {"terminationReason", ends.is_expired ? "REGISTRATION_EXPIRED" : "NETWORK_TERMINATED"}};
  AddText(data, "terminationDescription", ends.description, kMaxReason);
  return data;
}

json TransferData(const gateway::TransferProgress& progress) {
  json data{{"mediaSessionId", progress.media_session_id}, {"state", call::ToString(progress.state)}};
  AddText(data, "reason", progress.reason, kMaxReason);
  return data;
}

json ReferralData(const gateway::ReferralProgress& progress) {
  json data{{"mediaSessionId", progress.media_session_id},
            {"state", call::ToString(progress.state)},
            {"target", progress.target_address}};
  AddText(data, "reason", progress.reason, kMaxReason);
  return data;
}

json EmergencyData(const gateway::EmergencyNotice& notice) {
  return {{"mediaSessionId", notice.media_session_id}, {"what", call::ToString(notice.step)}};
}

json DtmfData(const gateway::DtmfReceived& dtmf) {
  return {
      {"mediaSessionId", dtmf.media_session_id}, {"digit", Fitting(dtmf.digit, 1)}, {"durationMs", dtmf.duration_ms}};
}

}  // namespace byon::api
