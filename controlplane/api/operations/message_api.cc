#include "controlplane/api/operations/message_api.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "controlplane/api/object_reader.h"
#include "controlplane/api/wire_format.h"

namespace byon::api {
namespace {

using nlohmann::json;

constexpr size_t kMaxAddress = 256;
constexpr size_t kMaxId = 256;
constexpr size_t kMaxText = 65536;  // characters; the operator's limit is in bytes and lower
constexpr size_t kMaxListed = 100;

bool IsHeaderKey(const std::string& text) {
  return !text.empty() && text.size() <= kMaxId &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// The mistake in the words of the API; empty: none.
std::string ReadQuery(const std::string& query, gateway::MessageQuery& wanted) {
  for (const char* name : {"peer", "before", "limit", "phoneNumber"}) {
    if (!HasQuery(query, name)) continue;
    const auto value = QueryValue(query, name);
    if (!value || value->empty() || value->size() > kMaxAddress) {
      return "The query parameter " + std::string(name) + " is malformed.";
    }
    const std::string_view key(name);
    if (key == "before") wanted.before = *value;
    if (key == "peer") {
      if (!IsCallAddress(*value)) return "The query parameter peer must be a tel: or sip: address.";
      wanted.peer = *value;
    } else if (key == "phoneNumber") {
      if (!IsPhoneNumber(*value)) return "The query parameter phoneNumber must be a number in E.164 form.";
      wanted.phone_number = *value;
    } else if (key == "limit") {
      const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), wanted.limit);
      const bool is_number = error == std::errc() && end == value->data() + value->size();
      if (!is_number || wanted.limit < 1 || wanted.limit > kMaxListed) {
        return "The query parameter limit must be 1 to 100.";
      }
    }
  }
  return "";
}

}  // namespace

json MessageBody(const messaging::Message& message) {
  const bool is_outgoing = message.direction == messaging::Direction::kOutgoing;
  const std::string own = "tel:" + message.number;
  json body{{"messageId", message.id},
            {"direction", ToString(message.direction)},
            {"from", is_outgoing ? own : message.peer},
            {"to", is_outgoing ? message.peer : own},
            {"text", message.text},
            {"state", ToString(message.state)},
            {"createdAt", FormatDateTime(message.created_at)},
            {"updatedAt", FormatDateTime(message.updated_at)}};
  if (!message.peer_name.empty()) body["peerName"] = message.peer_name;
  if (is_outgoing) body["deliveryReport"] = message.asks_report;
  if (message.cause_status != 0 || !message.cause_text.empty()) {
    json cause = json::object();
    if (message.cause_status != 0) cause["sipStatus"] = message.cause_status;
    if (!message.cause_text.empty()) cause["text"] = message.cause_text;
    body["cause"] = std::move(cause);
  }
  return body;
}

void MessageApi::Send(const ExchangePointer& exchange) {
  const std::string* key = exchange->request.Header("idempotency-key");
  if (key != nullptr && !IsHeaderKey(*key)) {
    return exchange->Fail(InvalidArgument("The header Idempotency-Key is malformed."));
  }
  const auto body = exchange->BodyObject();
  if (!body) return;
  Mistakes mistakes{exchange->dialect.ignores_unknown_members()};
  ObjectReader reader(*body, "", mistakes);
  for (const char* name : {"to", "text"}) reader.Require(name);
  gateway::MessageRequest request;
  request.to = reader.Text("to", kMaxAddress).value_or("");
  if (reader.Has("to") && !IsCallAddress(request.to)) {
    reader.Mistake("to", "must be a tel: or sip: address of the documented forms");
  }
  request.text = reader.Text("text", kMaxText).value_or("");
  request.registration_id = reader.Text("registrationId", kMaxId).value_or("");
  request.wants_report = reader.Boolean("deliveryReport").value_or(false);
  reader.Finish();
  if (!mistakes.empty()) return exchange->Fail(InvalidArgument(mistakes.first));
  if (key != nullptr) request.client_correlator = *key;
  const auto outcome = service_.SendMessage(exchange->who, std::move(request));
  if (const auto* message = exchange->Unwrap(outcome)) exchange->SendJson(201, MessageBody(*message));
}

void MessageApi::List(const ExchangePointer& exchange) {
  gateway::MessageQuery query;
  if (const std::string mistake = ReadQuery(exchange->request.query, query); !mistake.empty()) {
    return exchange->Fail(InvalidArgument(mistake));
  }
  const auto outcome = service_.ListMessages(exchange->who, query);
  const auto* messages = exchange->Unwrap(outcome);
  if (messages == nullptr) return;
  json list = json::array();
  for (const messaging::Message& message : *messages) list.push_back(MessageBody(message));
  exchange->SendJson(200, list);
}

void MessageApi::Get(const ExchangePointer& exchange) {
  const auto outcome = service_.GetMessage(exchange->who, exchange->ids[0]);
  if (const auto* message = exchange->Unwrap(outcome)) exchange->SendJson(200, MessageBody(*message));
}

void MessageApi::MarkRead(const ExchangePointer& exchange) {
  const auto outcome = service_.MarkMessageRead(exchange->who, exchange->ids[0]);
  if (exchange->Unwrap(outcome) != nullptr) exchange->Send(EmptyResponse(204));
}

void MessageApi::Delete(const ExchangePointer& exchange) {
  const auto outcome = service_.DeleteMessage(exchange->who, exchange->ids[0]);
  if (exchange->Unwrap(outcome) != nullptr) exchange->Send(EmptyResponse(204));
}

}  // namespace byon::api
