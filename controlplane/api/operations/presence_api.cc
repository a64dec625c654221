#include "controlplane/api/operations/presence_api.h"

#include <nlohmann/json.hpp>

#include "controlplane/api/wire_format.h"
#include "controlplane/call/address.h"

namespace byon::api {
namespace {

using nlohmann::json;
using presence::DialogPhase;

// The number that a 2-legged client speaks for; nothing after the error was answered.
std::optional<std::string> NumberOf(const ExchangePointer& exchange) {
  if (!HasQuery(exchange->request.query, "phoneNumber")) return "";
  const auto number = QueryValue(exchange->request.query, "phoneNumber");
  if (number && IsPhoneNumber(*number)) return number;
  exchange->Fail(InvalidArgument("The query parameter phoneNumber must be a number in E.164 form."));
  return std::nullopt;
}

bool IsTarget(const ExchangePointer& exchange) {
  if (IsPhoneNumber(exchange->ids[0])) return true;
  exchange->Fail(InvalidArgument("The number in the path must be in E.164 form with a leading +."));
  return false;
}

const char* PhaseName(DialogPhase phase) {
  switch (phase) {
    case DialogPhase::kConfirmed: return "confirmed";
    case DialogPhase::kEarly: return "ringing";
    default: return "calling";
  }
}

}  // namespace

json PresenceBody(const presence::PresenceState& state) {
  json body{{"phoneNumber", state.number}, {"state", ToString(state.availability)}, {"isRefused", state.is_refused}};
  if (state.changed_at != WallTime()) body["changedAt"] = FormatDateTime(state.changed_at);
  if (!state.note.empty()) body["note"] = state.note;
  if (state.dialogs.empty()) return body;
  body["calls"] = json::array();
  for (const presence::DialogEntry& dialog : state.dialogs) {
    json call{{"id", dialog.id},
              {"state", PhaseName(dialog.phase)},
              {"direction", dialog.is_initiator ? "originating" : "terminating"}};
    if (const auto number = call::PhoneNumberOf(dialog.remote_uri)) call["peer"] = "tel:" + *number;
    body["calls"].push_back(std::move(call));
  }
  return body;
}

void PresenceApi::List(const ExchangePointer& exchange) {
  const auto number = NumberOf(exchange);
  if (!number) return;
  const auto outcome = service_.GetPresence(exchange->who, *number);
  const auto* list = exchange->Unwrap(outcome);
  if (list == nullptr) return;
  json watched = json::array();
  for (const presence::PresenceState& state : list->watched) watched.push_back(PresenceBody(state));
  exchange->SendJson(200, {{"own", PresenceBody(list->own)}, {"watched", std::move(watched)}});
}

void PresenceApi::Get(const ExchangePointer& exchange) {
  const auto number = NumberOf(exchange);
  if (!number || !IsTarget(exchange)) return;
  const auto outcome = service_.GetWatched(exchange->who, *number, exchange->ids[0]);
  if (const auto* state = exchange->Unwrap(outcome)) exchange->SendJson(200, PresenceBody(*state));
}

void PresenceApi::Watch(const ExchangePointer& exchange) {
  const auto number = NumberOf(exchange);
  if (!number || !IsTarget(exchange)) return;
  const auto outcome = service_.WatchNumber(exchange->who, *number, exchange->ids[0]);
  if (const auto* state = exchange->Unwrap(outcome)) exchange->SendJson(200, PresenceBody(*state));
}

void PresenceApi::Unwatch(const ExchangePointer& exchange) {
  const auto number = NumberOf(exchange);
  if (!number || !IsTarget(exchange)) return;
  const auto outcome = service_.UnwatchNumber(exchange->who, *number, exchange->ids[0]);
  if (exchange->Unwrap(outcome) != nullptr) exchange->Send(EmptyResponse(204));
}

}  // namespace byon::api
