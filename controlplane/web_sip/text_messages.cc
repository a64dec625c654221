#include "controlplane/web_sip/text_messages.h"

#include <algorithm>

#include "controlplane/api/operations/message_api.h"
#include "controlplane/call/address.h"
#include "controlplane/messaging/page_content.h"
#include "controlplane/web_sip/callee_leg.h"
#include "controlplane/web_sip/caller_leg.h"

namespace byon::web_sip {
namespace {

constexpr size_t kMostWaiting = 50;  // for one client that is away; the oldest leave first

int StatusOf(const gateway::Error& error) {
  using gateway::ErrorCode;
  switch (error.code) {
    case ErrorCode::kInvalidArgument: return 400;
    case ErrorCode::kEmergencyNotSupported: return 403;
    case ErrorCode::kTooManyRequests: return 503;
    default: return 480;
  }
}

}  // namespace

void TextMessages::OnMessage(Flow& flow, const ServerTransactionPointer& transaction, const Identity& identity) {
  const Line* line = lines_.FindByFlow(flow);
  if (line == nullptr) return transaction->Reject({403, Counter::kNotRegistered, {}});
  if (!identity.Has(api::kWriteMessages)) return transaction->Reject({403, Counter::kForbidden, {}});
  if (call::PhoneNumberOf(transaction->head.from.uri) != line->number) {
    return transaction->Reject({403, Counter::kForbidden, {}});
  }
  const SipMessage& request = transaction->request;
  const auto content = messaging::ReadPageContent(request.Text("Content-Type"), request.body());
  const auto* text = std::get_if<messaging::TextContent>(&content);
  if (text == nullptr || request.ContentType() != "text/plain") {
    return transaction->Reject({415, Counter::kBadBody, {{"Accept", "text/plain"}}});
  }
  const auto receiver = ReceiverOf(request.uri(), config_.domain);
  if (!receiver) return transaction->Reject({404, Counter::kUnknownDomain, {}});
  gateway::MessageRequest wanted;
  wanted.registration_id = line->registration_id;
  wanted.to = *receiver;
  wanted.text = text->text;
  const auto outcome = ports_.messaging->SendMessage(line->who, std::move(wanted));
  if (const auto* error = std::get_if<gateway::Error>(&outcome)) {
    const int status = StatusOf(*error);
    if (status == 503) return transaction->Reject({503, Counter::kRateLimited, {{"Retry-After", "60"}}});
    return transaction->Respond(status);
  }
  counters_.Add(Counter::kMessageFromClient);
  sending_[std::get<messaging::Message>(outcome).id] = transaction;
}

void TextMessages::OnStatus(const messaging::Message& message) {
  if (message.state == messaging::MessageState::kQueued) return;
  const auto node = sending_.extract(message.id);
  if (node.empty()) return;
  const bool has_failed = message.state == messaging::MessageState::kFailed;
  const int refusal = message.cause_status >= 300 ? message.cause_status : 480;
  node.mapped()->Respond(has_failed ? refusal : 200);
}

void TextMessages::OnReceived(const gateway::DeviceKey& device, const messaging::Message& message) {
  if (lines_.Find(device) != nullptr) Deliver(device, message);
}

void TextMessages::OnBound(const gateway::DeviceKey& device) {
  const auto node = waiting_.extract(device);
  if (node.empty()) return;
  for (const messaging::Message& message : node.mapped()) Deliver(device, message);
}

void TextMessages::Keep(const gateway::DeviceKey& device, const messaging::Message& message) {
  if (lines_.Find(device) == nullptr) return;
  // More than there are lines: those that are gone for ever have some left.
  if (waiting_.size() > lines_.size()) {
    std::erase_if(waiting_, [this](const auto& one) { return lines_.Find(one.first) == nullptr; });
  }
  auto& waiting = waiting_[device];
  const bool is_known =
      std::any_of(waiting.begin(), waiting.end(), [&](const auto& one) { return one.id == message.id; });
  if (is_known) return;
  waiting.push_back(message);
  if (waiting.size() > kMostWaiting) waiting.pop_front();
}

void TextMessages::Deliver(const gateway::DeviceKey& device, const messaging::Message& message) {
  const auto flow = lines_.FlowOf(device);
  if (flow == nullptr) return Keep(device, message);
  // Who may not read messages is not told of any.
  if (!flow->identity() || !flow->identity()->Has(api::kReadMessages)) return;
  const Line* line = lines_.Find(device);
  const std::string sender = SipUriOf(message.peer, config_.domain);
  const std::string name = message.peer_name.empty() ? "" : sip::QuoteDisplayName(message.peer_name) + ' ';
  SipMessage request = SipMessage::Request("MESSAGE", line->contact_uri);
  request.Add("From", name + '<' + sender + ">;tag=" + ports_.new_id())
      .Add("To", "<sip:" + line->number + '@' + config_.domain + '>')
      .Add("Call-ID", message.id)
      .Add("CSeq", "1 MESSAGE");
  request.SetBody("text/plain;charset=UTF-8", message.text);
  counters_.Add(Counter::kMessageToClient);
  flow->Send(std::move(request), [this, device, message](const SipMessage* response) {
    if (response == nullptr || response->status() == 480 || response->status() >= 500) Keep(device, message);
  });
}

}  // namespace byon::web_sip
