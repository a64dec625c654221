#include "controlplane/api/call_api.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controlplane/api/object_reader.h"
#include "controlplane/api/resources.h"
#include "controlplane/api/wire_format.h"
#include "controlplane/call/status.h"

namespace byon::api {
namespace {

using nlohmann::json;

constexpr size_t kMaxSdpCharacters = 65536;
constexpr size_t kMaxId = 256;
constexpr const char* kAnonymous = "sip:anonymous@anonymous.invalid";

std::string ReadAddress(ObjectReader& reader, const char* name) {
  const std::string address = reader.Text(name, 256).value_or("");
  if (reader.Has(name) && !IsCallAddress(address)) {
    reader.Mistake(name, "must be a tel: or sip: URI or an emergency service URN of the documented forms");
  }
  return address;
}

std::string ReadName(ObjectReader& reader, const char* name) {
  const std::string text = reader.Text(name, 256).value_or("");
  if (!IsPlainText(text)) reader.Mistake(name, "must not contain control characters");
  return text;
}

// An SDP text: printable lines with CRLF or LF ends; what it says is judged by the gateway.
std::optional<std::string> ReadSdp(ObjectReader& reader, const char* name, std::string& mistake) {
  const json* descriptor = reader.Object(name);
  if (descriptor == nullptr) return std::nullopt;
  ObjectReader inner(*descriptor, reader.PathOf(name), mistake);
  inner.Require("sdp");
  auto sdp = inner.Text("sdp", kMaxSdpCharacters);
  if (sdp && (sdp->empty() || sdp->find('\0') != std::string::npos)) {
    inner.Mistake("sdp", "must be a session description");
  }
  inner.Finish();
  return sdp;
}

std::optional<std::string> ReadLocation(ObjectReader& reader, std::string& mistake) {
  const json* location = reader.Object("locationDetails");
  if (location == nullptr) return std::nullopt;
  CheckLocation(*location, "locationDetails", mistake);
  return location->dump(-1, ' ', false, json::error_handler_t::replace);
}

bool IsHeaderId(const std::string& id) {
  return !id.empty() && id.size() <= kMaxId &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

void CallApi::Create(const ExchangePointer& exchange) {
  const std::string* registration_id = exchange->request.Header("registrationid");
  if (registration_id == nullptr || !IsHeaderId(*registration_id)) {
    return exchange->Fail(InvalidArgument("The header registrationId is missing or malformed."));
  }
  const auto body = exchange->BodyObject();
  if (!body) return;
  std::string mistake;
  ObjectReader reader(*body, "", mistake);
  gateway::CallRequest request;
  request.registration_id = *registration_id;
  for (const char* name : {"originatorAddress", "receiverAddress", "offer"}) reader.Require(name);
  request.originator_address = ReadAddress(reader, "originatorAddress");
  request.receiver_address = ReadAddress(reader, "receiverAddress");
  request.originator_name = ReadName(reader, "originatorName");
  request.receiver_name = ReadName(reader, "receiverName");
  request.offer_sdp = ReadSdp(reader, "offer", mistake).value_or("");
  request.location_json = ReadLocation(reader, mistake);
  const auto call_type = reader.Choice("callType", {"REGULAR", "EMERGENCY"});
  request.is_emergency = call_type == "EMERGENCY" || request.receiver_address.starts_with("urn:service:sos");
  if (request.receiver_address == kAnonymous) reader.Mistake("receiverAddress", "cannot be anonymous");
  if (request.originator_address.starts_with("urn:")) reader.Mistake("originatorAddress", "cannot be a service");
  if (is_compat_) {
    reader.Ignore("status");
    reader.Ignore("answer");
    request.client_correlator = reader.Text("clientCorrelator", kMaxId).value_or("");
  } else {
    if (reader.Has("status")) reader.Mistake("status", "must not be sent with a new session");
    if (reader.Has("answer")) reader.Mistake("answer", "must not be sent with a new session");
    reader.Ignore("status");
    reader.Ignore("answer");
  }
  reader.Finish();
  if (!mistake.empty()) return exchange->Fail(InvalidArgument(mistake));
  service_.CreateCall(exchange->who, std::move(request),
                      [exchange](const gateway::Outcome<gateway::MediaSession>& outcome) {
                        if (const auto* session = exchange->Unwrap(outcome)) {
                          exchange->SendJson(201, MediaSessionBody(*session));
                        }
                      });
}

void CallApi::Get(const ExchangePointer& exchange) {
  const auto outcome = service_.GetCall(exchange->who, exchange->ids[0]);
  if (const auto* session = exchange->Unwrap(outcome)) exchange->SendJson(200, MediaSessionBody(*session));
}

bool CallApi::RepeatsSession(const Exchange& exchange, const json& body, std::string& mistake) {
  const auto outcome = service_.GetCall(exchange.who, exchange.ids[0]);
  const auto* session = exchange.Unwrap(outcome);
  if (session == nullptr) return false;
  const json known = MediaSessionBody(*session);
  for (const char* name :
       {"originatorAddress", "originatorName", "receiverAddress", "receiverName", "mediaSessionId", "callType"}) {
    if (body.contains(name) && known.contains(name) && body[name] != known[name] && mistake.empty()) {
      mistake = std::string(name) + " differs from the session's.";
    }
  }
  return true;
}

void CallApi::ChangeStatus(const ExchangePointer& exchange) {
  if (is_compat_ && !exchange->has_body()) return Get(exchange);
  const auto body = exchange->BodyObject();
  if (!body) return;
  std::string mistake;
  ObjectReader reader(*body, "", mistake);
  gateway::StatusChange change;
  reader.Require("status");
  const auto name = reader.Text("status", kMaxId);
  const auto status = name ? call::ParseStatus(*name) : std::nullopt;
  if (name && !status) reader.Mistake("status", "must be one of the documented values");
  if (status) change.status = *status;
  change.offer_sdp = ReadSdp(reader, "offer", mistake);
  change.answer_sdp = ReadSdp(reader, "answer", mistake);
  change.location_json = ReadLocation(reader, mistake);
  if (is_compat_) {
    for (const char* repeated : {"originatorAddress", "originatorName", "receiverAddress", "receiverName",
                                 "mediaSessionId", "callType"}) {
      reader.Ignore(repeated);
    }
    if (!RepeatsSession(*exchange, *body, mistake)) return;
  }
  reader.Finish();
  if (!mistake.empty()) return exchange->Fail(InvalidArgument(mistake));
  service_.ChangeStatus(exchange->who, exchange->ids[0], std::move(change),
                        [exchange](const gateway::Outcome<gateway::MediaSession>& outcome) {
                          if (const auto* session = exchange->Unwrap(outcome)) {
                            exchange->SendJson(200, MediaSessionBody(*session));
                          }
                        });
}

void CallApi::Delete(const ExchangePointer& exchange) {
  service_.DeleteCall(exchange->who, exchange->ids[0], [exchange](const gateway::Outcome<gateway::Done>& outcome) {
    if (exchange->Unwrap(outcome) != nullptr) exchange->Send(EmptyResponse(204));
  });
}

}  // namespace byon::api
