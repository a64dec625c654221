#include "controlplane/gateway/record_json.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

namespace nlohmann {

template <typename T>
struct adl_serializer<std::optional<T>> {
  static void to_json(json& j, const std::optional<T>& value) { j = value ? json(*value) : json(nullptr); }
  static void from_json(const json& j, std::optional<T>& value) {
    value = j.is_null() ? std::nullopt : std::optional<T>(j.get<T>());
  }
};

// Milliseconds since 1970.
template <>
struct adl_serializer<std::chrono::system_clock::time_point> {
  static void to_json(json& j, const std::chrono::system_clock::time_point& time) {
    j = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  }
  static void from_json(const json& j, std::chrono::system_clock::time_point& time) {
    time = std::chrono::system_clock::time_point(std::chrono::milliseconds(j.get<int64_t>()));
  }
};
template <>
struct adl_serializer<std::chrono::seconds> {
  static void to_json(json& j, const std::chrono::seconds& value) { j = value.count(); }
  static void from_json(const json& j, std::chrono::seconds& value) { value = std::chrono::seconds(j.get<int64_t>()); }
};

template <>
struct adl_serializer<byon::call::Status> {
  static void to_json(json& j, const byon::call::Status& status) { j = byon::call::ToString(status); }
  static void from_json(const json& j, byon::call::Status& status) {
    auto parsed = byon::call::ParseStatus(j.get<std::string>());
    if (!parsed) throw json::other_error::create(501, "unknown status", &j);
    status = *parsed;
  }
};

}  // namespace nlohmann

namespace byon::sdp {
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TransportAddress, ip, port)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Fingerprint, algorithm, value)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Candidate, ip, port, priority, foundation)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(AudioCodec, payload_type, encoding_name, clock_rate_hz, channels, octet_align,
                                   mode_set, mode_change_period, mode_change_neighbor, use_inband_fec, use_dtx, stereo,
                                   max_average_bitrate_bps, max_playback_rate_hz, ptime_ms, max_ptime_ms)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TelephoneEvent, payload_type, clock_rate_hz)
static void to_json(nlohmann::json& j, const AudioFormat& format) {
  j = {{"send", format.send},
       {"receive", format.receive},
       {"telephone_events", format.telephone_events},
       {"red_payload_type", format.red_payload_type}};
}
static void from_json(const nlohmann::json& j, AudioFormat& format) {
  j.at("send").get_to(format.send);
  j.at("receive").get_to(format.receive);
  j.at("telephone_events").get_to(format.telephone_events);
  // Records of a version that did not know it have none.
  if (j.contains("red_payload_type")) j.at("red_payload_type").get_to(format.red_payload_type);
}
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RtcpXr, voip_metrics, receiver_reference_time)
static void to_json(nlohmann::json& j, const AccessMedia& media) {
  j = {{"ice_ufrag", media.ice_ufrag},
       {"ice_pwd", media.ice_pwd},
       {"fingerprints", media.fingerprints},
       {"gateway_dtls_role", media.gateway_dtls_role},
       {"audio", media.audio},
       {"direction", media.direction},
       {"rtcp_xr", media.rtcp_xr}};
}
static void from_json(const nlohmann::json& j, AccessMedia& media) {
  j.at("ice_ufrag").get_to(media.ice_ufrag);
  j.at("ice_pwd").get_to(media.ice_pwd);
  j.at("fingerprints").get_to(media.fingerprints);
  j.at("gateway_dtls_role").get_to(media.gateway_dtls_role);
  j.at("audio").get_to(media.audio);
  j.at("direction").get_to(media.direction);
  if (j.contains("rtcp_xr")) j.at("rtcp_xr").get_to(media.rtcp_xr);
}
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(AccessLocal, ice_ufrag, ice_pwd, candidates, fingerprint, ssrc, cname)
static void to_json(nlohmann::json& j, const ImsMedia& media) {
  j = {{"rtp", media.rtp},           {"rtcp", media.rtcp},
       {"rtcp_mux", media.rtcp_mux}, {"use_avpf", media.use_avpf},
       {"audio", media.audio},       {"direction", media.direction},
       {"rtcp_xr", media.rtcp_xr},   {"rtcp_bandwidth_bps", media.rtcp_bandwidth_bps}};
}
static void from_json(const nlohmann::json& j, ImsMedia& media) {
  j.at("rtp").get_to(media.rtp);
  j.at("rtcp").get_to(media.rtcp);
  j.at("rtcp_mux").get_to(media.rtcp_mux);
  j.at("use_avpf").get_to(media.use_avpf);
  j.at("audio").get_to(media.audio);
  j.at("direction").get_to(media.direction);
  if (j.contains("rtcp_xr")) j.at("rtcp_xr").get_to(media.rtcp_xr);
  if (j.contains("rtcp_bandwidth_bps")) {
    j.at("rtcp_bandwidth_bps").get_to(media.rtcp_bandwidth_bps);
  }
}
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ImsLocal, rtp, rtcp, ssrc, cname)
}  // namespace byon::sdp

namespace byon::call {
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CallOwner, registration_id, client_id, user, device_id)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(SipBinding, registration_id, impu, contact_token, instance_id, next_hop,
                                   service_route, associated_uris)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(MediaLocals, access, ims)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CallRecord, id, owner, binding, is_originating, is_confirmed, originator_address,
                                   originator_name, receiver_address, receiver_name, status, reason, offer_sdp,
                                   answer_sdp, sequence_number, created_at, connected_at, dialog_snapshot, dialog_id,
                                   sdp_session_id, ims_sdp_version, web_sdp_version, locals, access, ims,
                                   is_held_locally, is_held_remotely)
}  // namespace byon::call

namespace byon::registration {
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RegistrationOwner, client_id, user, phone_number, device_id, is_two_legged)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(SipRegistered, expires, next_hop, service_route, associated_uris, snapshot)
static void to_json(nlohmann::json& j, const RegistrationRecord& record) {
  j = {{"id", record.id},
       {"owner", record.owner},
       {"impu", record.impu},
       {"impi", record.impi},
       {"instance_id", record.instance_id},
       {"contact_token", record.contact_token},
       {"expires_at", record.expires_at},
       {"token_expires_at", record.token_expires_at},
       {"registered", record.registered},
       {"sip_expires_at", record.sip_expires_at},
       {"push", record.push}};
  if (record.refresh_at) j["refresh_at"] = *record.refresh_at;
}
static void from_json(const nlohmann::json& j, RegistrationRecord& record) {
  j.at("id").get_to(record.id);
  j.at("owner").get_to(record.owner);
  j.at("impu").get_to(record.impu);
  j.at("impi").get_to(record.impi);
  j.at("instance_id").get_to(record.instance_id);
  j.at("contact_token").get_to(record.contact_token);
  j.at("expires_at").get_to(record.expires_at);
  j.at("token_expires_at").get_to(record.token_expires_at);
  j.at("registered").get_to(record.registered);
  j.at("sip_expires_at").get_to(record.sip_expires_at);
  // Records of a version that did not know them have none.
  record.push = j.value("push", "");
  if (j.contains("refresh_at")) record.refresh_at = j.at("refresh_at").get<WallTime>();
}
}  // namespace byon::registration

namespace byon::messaging {
static void to_json(nlohmann::json& j, const Direction& direction) { j = ToString(direction); }
static void from_json(const nlohmann::json& j, Direction& direction) {
  direction = j.get<std::string>() == ToString(Direction::kOutgoing) ? Direction::kOutgoing : Direction::kIncoming;
}
static void to_json(nlohmann::json& j, const MessageState& state) { j = ToString(state); }
static void from_json(const nlohmann::json& j, MessageState& state) {
  const auto parsed = ParseMessageState(j.get<std::string>());
  if (!parsed) throw nlohmann::json::other_error::create(501, "unknown message state", &j);
  state = *parsed;
}
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Message, id, number, direction, peer, peer_name, text, state, cause_status,
                                   cause_text, created_at, updated_at, position, asks_report, client_correlator,
                                   peer_uri, transaction_key, sender_message_id, sender_date_time, wants_delivery,
                                   wants_display)
}  // namespace byon::messaging

namespace byon::gateway {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(SipCause, sip_status, q850_cause, text)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CallChange, at, status, sequence_number, reason, cause)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Diversion, address, reason)
// Of an earlier version with less in it.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(CallTrace, changes, diversions, diverted_to, sip_call_id, charging_id,
                                                last)

namespace {

// More is shown to nobody; the network's texts may be as long as its messages.
constexpr size_t kMaxTraceText = 256;

// Grows when a field changes its meaning or a new one is needed.
constexpr int kVersion = 1;

std::string Write(nlohmann::json j) {
  j["v"] = kVersion;
  // Names from outside may be no UTF-8; that must not cost the call its record.
  return j.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Records of a version that did not know of moved calls have none of it.
void ReadPlace(const nlohmann::json& j, call::CallRecord& record) {
  if (!j.contains("part")) return;
  const int part = j.at("part").get<int>();
  if (part < 0 || part > static_cast<int>(call::Part::kFork)) {
    throw nlohmann::json::other_error::create(501, "unknown part", &j);
  }
  record.part = static_cast<call::Part>(part);
  j.at("partner").get_to(record.partner);
  j.at("signalling_id").get_to(record.signalling_id);
}

template <typename Record>
std::optional<Record> Read(std::string_view text) {
  auto j = nlohmann::json::parse(text, nullptr, false);
  if (!j.is_object() || j.value("v", 0) != kVersion) return std::nullopt;
  try {
    Record record = j.get<Record>();
    // Records of a version that did not know it have none.
    if constexpr (std::is_same_v<Record, call::CallRecord>) record.client_correlator = j.value("client_correlator", "");
    if constexpr (std::is_same_v<Record, call::CallRecord>) ReadPlace(j, record);
    if constexpr (std::is_same_v<Record, call::CallRecord>) record.sip_call_id = j.value("sip_call_id", "");
    if constexpr (std::is_same_v<Record, call::CallRecord>) {
      if (j.contains("max_duration")) j.at("max_duration").get_to(record.max_duration);
      const int emergency = j.value("emergency", 0);
      if (emergency < 0 || emergency > static_cast<int>(call::Emergency::kCallback)) return std::nullopt;
      record.emergency = static_cast<call::Emergency>(emergency);
      if (const auto caller = j.find("originator_assurance"); caller != j.end()) {
        const int check = caller->at("number_check").get<int>();
        if (check < 0 || check > static_cast<int>(call::NumberCheck::kNotDone)) return std::nullopt;
        record.originator_assurance = {caller->at("is_asserted").get<bool>(), static_cast<call::NumberCheck>(check)};
      }
    }
    return record;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace

std::string ToJson(const call::CallRecord& record) {
  nlohmann::json j = record;
  j["client_correlator"] = record.client_correlator;
  j["part"] = static_cast<int>(record.part);
  j["partner"] = record.partner;
  j["signalling_id"] = record.signalling_id;
  j["sip_call_id"] = record.sip_call_id;
  j["max_duration"] = record.max_duration;
  j["emergency"] = static_cast<int>(record.emergency);
  if (const auto& caller = record.originator_assurance) {
    j["originator_assurance"] = {{"is_asserted", caller->is_asserted},
                                 {"number_check", static_cast<int>(caller->number_check)}};
  }
  return Write(std::move(j));
}
std::string ToJson(const registration::RegistrationRecord& record) { return Write(record); }
std::string ToJson(const messaging::Message& message) { return Write(message); }
std::string ToJson(const CallTrace& trace) {
  const auto cut = [](std::string& text) { text.resize(std::min(text.size(), kMaxTraceText)); };
  CallTrace kept = trace;
  if (kept.last) cut(kept.last->text);
  for (CallChange& change : kept.changes) {
    cut(change.reason);
    if (change.cause) cut(change.cause->text);
  }
  return Write(kept);
}
std::optional<CallTrace> ReadCallTrace(std::string_view json) { return Read<CallTrace>(json); }
std::optional<messaging::Message> ReadMessage(std::string_view json) { return Read<messaging::Message>(json); }
std::optional<call::CallRecord> ReadCallRecord(std::string_view json) { return Read<call::CallRecord>(json); }
std::optional<registration::RegistrationRecord> ReadRegistrationRecord(std::string_view json) {
  return Read<registration::RegistrationRecord>(json);
}

}  // namespace byon::gateway
