#include "controlplane/api/operations/call_reader.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "controlplane/api/operations/location_reader.h"
#include "controlplane/api/operations/resources.h"
#include "controlplane/api/wire_format.h"

namespace byon::api {
namespace {

using nlohmann::json;

constexpr size_t kMaxSdpCharacters = 65536;
constexpr size_t kMaxAnnouncementName = 64;
constexpr const char* kAnonymous = "sip:anonymous@anonymous.invalid";

void CheckAddress(ObjectReader& reader, const char* name, const std::string& address, const Dialect& dialect) {
  // The pattern of r2.2 is that of the events: no short numbers, no services.
  const bool is_narrow = dialect.is_r2_2() && !dialect.is_compat();
  if (is_narrow && !IsEventAddress(address)) {
    reader.Mistake(name, "must be tel:+ with 5 to 15 digits or a sip: URI of a user at a domain");
  } else if (!IsCallAddress(address)) {
    reader.Mistake(name, "must be a tel: or sip: URI or an emergency service URN of the documented forms");
  }
}

std::string ReadAddress(ObjectReader& reader, const char* name, const Dialect& dialect) {
  std::string address = reader.Text(name, kMaxCallText).value_or("");
  if (reader.Has(name)) CheckAddress(reader, name, address, dialect);
  return address;
}

std::string ReadName(ObjectReader& reader, const char* name) {
  const std::string text = reader.Text(name, kMaxCallText).value_or("");
  if (!IsPlainText(text)) reader.Mistake(name, "must not contain control characters");
  return text;
}

// An SDP text; what it says is judged by the gateway.
std::optional<std::string> ReadSdp(ObjectReader& reader, const char* name, Mistakes& mistakes) {
  const json* descriptor = reader.Object(name);
  if (descriptor == nullptr) return std::nullopt;
  ObjectReader inner(*descriptor, reader.PathOf(name), mistakes);
  inner.Require("sdp");
  auto sdp = inner.Text("sdp", kMaxSdpCharacters);
  if (sdp && (sdp->empty() || sdp->find('\0') != std::string::npos)) {
    inner.Mistake("sdp", "must be a session description");
  }
  inner.Finish();
  return sdp;
}

std::optional<std::string> ReadLocation(ObjectReader& reader, const Dialect& dialect, Mistakes& mistakes) {
  if (dialect.is_r2_2()) return std::nullopt;  // not known there
  const json* location = reader.Object("locationDetails");
  if (location == nullptr) return std::nullopt;
  CheckLocation(*location, "locationDetails", mistakes);
  return location->dump(-1, ' ', false, json::error_handler_t::replace);
}

// The status examples of r2.2 wrap the body in a member that the schema has not had since v0.1.
const json& Unwrapped(const json& body, const Dialect& dialect) {
  if (!dialect.is_r2_2() || !dialect.is_compat() || body.contains("status")) return body;
  for (const char* name : {"receiverSessionStatus", "ReceiverSessionStatus"}) {
    const auto it = body.find(name);
    if (it != body.end() && it->is_object()) return *it;
  }
  return body;
}

}  // namespace

gateway::CallRequest ReadCallRequest(const json& body, const Dialect& dialect,
                                     const std::function<bool(const std::string&)>& is_emergency, Mistakes& mistakes) {
  ObjectReader reader(body, "", mistakes);
  gateway::CallRequest request;
  reader.Require("receiverAddress");
  if (!dialect.is_r2_2()) {
    for (const char* name : {"originatorAddress", "offer"}) reader.Require(name);
  }
  request.originator_address = ReadAddress(reader, "originatorAddress", dialect);
  request.receiver_address = reader.Text("receiverAddress", kMaxCallText).value_or("");
  const bool is_for_help = reader.Has("receiverAddress") && is_emergency(request.receiver_address);
  if (reader.Has("receiverAddress") && !is_for_help)
    CheckAddress(reader, "receiverAddress", request.receiver_address, dialect);
  request.originator_name = ReadName(reader, "originatorName");
  request.receiver_name = ReadName(reader, "receiverName");
  request.offer_sdp = ReadSdp(reader, "offer", mistakes).value_or("");
  const json* location = dialect.is_r2_2() ? nullptr : reader.Object("locationDetails");  // not known there
  if (location != nullptr) request.location = ReadCallerLocation(*location, "locationDetails", mistakes);
  const bool is_wanted_emergency =
      !dialect.is_r2_2() && reader.Choice("callType", {"REGULAR", "EMERGENCY"}) == "EMERGENCY";
  request.is_emergency = is_wanted_emergency || is_for_help || request.receiver_address.starts_with("urn:service:sos");
  if (request.receiver_address == kAnonymous) reader.Mistake("receiverAddress", "cannot be anonymous");
  if (request.originator_address.starts_with("urn:")) reader.Mistake("originatorAddress", "cannot be a service");
  for (const char* name : {"status", "answer"}) {
    if (!dialect.is_compat() && reader.Has(name)) reader.Mistake(name, "must not be sent with a new session");
    reader.Ignore(name);
  }
  if (dialect.is_compat() || dialect.is_r2_2()) {
    request.client_correlator = reader.Text("clientCorrelator", kMaxCallText).value_or("");
  }
  reader.Finish();
  return request;
}

gateway::VisitorCallRequest ReadVisitorCallRequest(const json& body, const Dialect& dialect, Mistakes& mistakes) {
  ObjectReader reader(body, "", mistakes);
  gateway::VisitorCallRequest request;
  reader.Require("offer");
  if (reader.Has("originatorAddress")) request.originator_address = ReadAddress(reader, "originatorAddress", dialect);
  if (reader.Has("receiverAddress")) request.receiver_address = ReadAddress(reader, "receiverAddress", dialect);
  request.offer_sdp = ReadSdp(reader, "offer", mistakes).value_or("");
  request.is_emergency = reader.Choice("callType", {"REGULAR", "EMERGENCY"}) == "EMERGENCY";
  reader.Finish();
  return request;
}

StatusRequest ReadStatusRequest(const json& whole, const Dialect& dialect, Mistakes& mistakes) {
  const json& body = Unwrapped(whole, dialect);
  ObjectReader reader(body, "", mistakes);
  StatusRequest request;
  if (!dialect.is_r2_2()) reader.Require("status");
  if (const auto name = reader.Text("status", kMaxCallText)) {
    request.status = call::ParseStatus(*name);
    if (!request.status) reader.Mistake("status", "must be one of the documented values");
  }
  request.change.offer_sdp = ReadSdp(reader, "offer", mistakes);
  request.change.answer_sdp = ReadSdp(reader, "answer", mistakes);
  request.change.location_json = ReadLocation(reader, dialect, mistakes);
  if (dialect.is_compat()) {
    for (const char* repeated : kRepeatedMembers) reader.Ignore(repeated);
  }
  reader.Finish();
  return request;
}

gateway::TransferRequest ReadTransferRequest(const json& body, const Dialect& dialect, Mistakes& mistakes) {
  ObjectReader reader(body, "", mistakes);
  reader.Require("to");
  gateway::TransferRequest request;
  const auto text = body.find("to");
  const bool is_phone = text != body.end() && *text == "phone";
  if (is_phone) {
    reader.Ignore("to");
  } else {
    request.to_address = ReadAddress(reader, "to", dialect);
  }
  reader.Finish();
  return request;
}

gateway::PlaybackRequest ReadPlaybackRequest(const json& body, Mistakes& mistakes) {
  ObjectReader reader(body, "", mistakes);
  gateway::PlaybackRequest request;
  reader.Require("to");
  request.is_for_peer = reader.Choice("to", {"self", "peer"}) == "peer";
  request.announcement = reader.Text("announcement", kMaxAnnouncementName).value_or("");
  const bool has_bad_name = !std::all_of(request.announcement.begin(), request.announcement.end(),
                                         [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; });
  if (has_bad_name || (reader.Has("announcement") && request.announcement.empty())) {
    reader.Mistake("announcement", "must be a name of letters, digits, - and _");
  }
  if (const auto tone = reader.Choice("tone", {"ringback", "busy", "congestion"})) {
    request.tone = *tone == "ringback" ? call::Tone::kRingback
                   : *tone == "busy"   ? call::Tone::kBusy
                                       : call::Tone::kCongestion;
  }
  if (reader.Has("announcement") == reader.Has("tone")) mistakes.Add("Either announcement or tone must be given.");
  request.is_looped = reader.Boolean("loop").value_or(false);
  if (request.is_looped && reader.Has("tone"))
    reader.Mistake("loop", "is for announcements; a tone plays until it is stopped");
  reader.Finish();
  return request;
}

gateway::PullRequest ReadPullRequest(const json& body, const Dialect&, Mistakes& mistakes) {
  ObjectReader reader(body, "", mistakes);
  reader.Require("registrationId");
  reader.Require("offer");
  gateway::PullRequest request;
  request.registration_id = reader.Text("registrationId", kMaxCallText).value_or("");
  request.offer_sdp = ReadSdp(reader, "offer", mistakes).value_or("");
  reader.Finish();
  return request;
}

}  // namespace byon::api
