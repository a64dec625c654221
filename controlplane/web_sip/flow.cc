#include "controlplane/web_sip/flow.h"

#include <utility>

namespace byon::web_sip {
namespace {

// 64*T1: timers B, F and H (RFC 3261 section 17).
constexpr std::chrono::seconds kTransactionTimeout{32};
constexpr uint16_t kProtocolError = 1002;
constexpr uint16_t kPolicyViolation = 1008;

std::string KeyOf(const std::string& branch, const std::string& method) { return branch + '\n' + method; }

}  // namespace

void ServerTransaction::Respond(const SipMessage& response) {
  const auto flow = flow_.lock();
  if (is_answered_ || !flow) return;
  is_answered_ = response.status() >= 200;
  flow->SendText(response);
  if (is_answered_) flow->FinishTransaction(*this, response.status());
}

void ServerTransaction::Reject(const Rejection& rejection) {
  if (const auto flow = flow_.lock()) flow->counters_.Add(rejection.counter);
  SipMessage response = Make(rejection.status);
  for (const auto& [name, value] : rejection.headers) response.Add(name, value);
  Respond(response);
}

Flow::Flow(const WebSipConfig& config, WebSipPorts& ports, Counters& counters, api::RateLimiter& attempts,
           FlowObserver& observer, std::shared_ptr<api::WebSocketSession> session, std::string remote_address)
    : config_(config),
      ports_(ports),
      counters_(counters),
      observer_(observer),
      session_(std::move(session)),
      authenticator_(config, ports, attempts, std::move(remote_address)),
      messages_(config.messages_per_second) {}

void Flow::Start() {
  auth_timer_ = ports_.timers.After(config_.auth_timeout, [this] {
    counters_.Add(Counter::kIdleConnection);
    Close(kPolicyViolation, "nobody registered in time");
  });
}

void Flow::set_identity(Identity identity) {
  identity_ = std::move(identity);
  auth_timer_.reset();
}

void Flow::HandleText(const std::string& text) {
  if (!session_) return;
  const auto self = shared_from_this();
  if (!messages_.Take("", ports_.now())) {
    counters_.Add(Counter::kRateLimited);
    return Close(kPolicyViolation, "too many messages");
  }
  // Keep-alive (RFC 7118 section 6, RFC 5626 section 4.4.1).
  if (text == "\r\n\r\n") return session_->Send("\r\n");
  if (text.empty() || text == "\r\n") return;
  auto message = SipMessage::Parse(text);
  if (!message) {
    if (message.error() == ParseFailure::kBadVersion) return counters_.Add(Counter::kBadVersion);
    counters_.Add(Counter::kMalformed);
    ports_.observer("sip_malformed", std::string(ToString(message.error())));
    return Close(kProtocolError, std::string(ToString(message.error())));
  }
  if (message->is_request()) return HandleRequest(std::move(message).value());
  HandleResponse(*message);
}

void Flow::HandleClosed() {
  if (!std::exchange(session_, nullptr)) return;
  const auto self = shared_from_this();
  auth_timer_.reset();
  auto clients = std::move(clients_);
  clients_.clear();
  invites_.clear();
  invite_timers_.clear();
  others_.clear();
  for (auto& [key, client] : clients) client.on_response(nullptr);
  observer_.OnFlowClosed(*this);
}

void Flow::Close(uint16_t code, const std::string& why) {
  if (!session_) return;
  ports_.observer("sip_connection_closed", why);
  session_->Close(code, why);
  HandleClosed();
}

void Flow::SendText(const SipMessage& message) {
  if (session_) session_->Send(message.Serialize());
}

void Flow::Refuse(const SipMessage& request, const Rejection& rejection) {
  counters_.Add(rejection.counter);
  if (request.method() == "ACK" || !CanBeAnswered(request)) return;
  SipMessage response = ResponseTo(request, rejection.status, ports_.new_id());
  for (const auto& [name, value] : rejection.headers) response.Add(name, value);
  SendText(response);
}

// ---- server transactions

void Flow::HandleRequest(SipMessage request) {
  auto head = ReadHead(request, config_.host);
  if (!head) return Refuse(request, head.error());
  const std::string branch = head->branch;
  if (request.method() == "ACK") {
    // Of our refusal: the transaction's own. Everything else is a dialog's (RFC 3261 section 17.2.3).
    invite_timers_.erase(branch);
    if (invites_.erase(branch) == 0) observer_.OnAck(*this, *head);
    return;
  }
  const bool is_invite = request.method() == "INVITE";
  const std::string key = KeyOf(branch, request.method());
  if (is_invite ? invites_.contains(branch) : others_.contains(key)) return;  // a repetition
  if (invites_.size() + others_.size() >= config_.max_transactions) {
    return Refuse(request, {503, Counter::kTooManyTransactions, {{"Retry-After", "2"}}});
  }
  const auto transaction = std::make_shared<ServerTransaction>(weak_from_this(), std::move(request),
                                                               std::move(head).value(), ports_.new_id());
  (is_invite ? invites_[branch] : others_[key]) = transaction;
  if (transaction->request.method() == "CANCEL") return HandleCancel(transaction);
  observer_.OnRequest(*this, transaction);
}

void Flow::HandleCancel(const ServerTransactionPointer& cancel) {
  const auto invite = invites_.find(cancel->head.branch);
  if (invite == invites_.end() || invite->second->head.call_id != cancel->head.call_id) {
    counters_.Add(Counter::kNoDialog);
    return cancel->Respond(481);
  }
  cancel->Respond(200);
  // After a final response a CANCEL does nothing (RFC 3261 section 9.2).
  const auto transaction = invite->second;
  if (!transaction->is_answered()) observer_.OnCancel(*this, transaction);
}

void Flow::FinishTransaction(const ServerTransaction& transaction, int status) {
  const std::string branch = transaction.head.branch;
  if (transaction.request.method() != "INVITE") {
    others_.erase(KeyOf(branch, transaction.request.method()));
  } else if (status < 300) {
    invites_.erase(branch);
  } else {
    invite_timers_[branch] = ports_.timers.After(kTransactionTimeout, [this, branch] {
      invites_.erase(branch);
      invite_timers_.erase(branch);
    });
  }
}

// ---- client transactions

SipMessage Flow::WithVia(SipMessage request, const std::string& branch) const {
  SipMessage result = SipMessage::Request(request.method(), request.uri());
  result.Add("Via", "SIP/2.0/WS " + config_.host + ";branch=" + branch);
  result.Add("Max-Forwards", "70");
  for (const auto& [name, value] : request.fields()) {
    if (name != "Content-Type") result.Add(name, value);
  }
  if (!request.body().empty()) result.SetBody(request.Text("Content-Type"), request.body());
  return result;
}

std::string Flow::Send(SipMessage request, OnResponse on_response) {
  const std::string branch = "z9hG4bK" + ports_.new_id();
  if (!session_) {
    on_response(nullptr);
    return branch;
  }
  const std::string key = KeyOf(branch, request.method());
  ClientTransaction client{WithVia(std::move(request), branch), std::move(on_response), nullptr};
  client.timer = ports_.timers.After(kTransactionTimeout, [this, key] {
    auto node = clients_.extract(key);
    if (node.empty()) return;
    counters_.Add(Counter::kTransactionTimeout);
    node.mapped().on_response(nullptr);
  });
  SendText(client.request);
  clients_[key] = std::move(client);
  return branch;
}

void Flow::SendAck(SipMessage ack) { SendText(WithVia(std::move(ack), "z9hG4bK" + ports_.new_id())); }

void Flow::Cancel(const std::string& invite_branch, const std::string& reason) {
  const auto invite = clients_.find(KeyOf(invite_branch, "INVITE"));
  if (invite == clients_.end() || !session_) return;
  const SipMessage& request = invite->second.request;
  SipMessage cancel = SipMessage::Request("CANCEL", request.uri());
  for (const char* name : {"Via", "Max-Forwards", "From", "To", "Call-ID"}) cancel.Add(name, request.Text(name));
  const std::string cseq = request.Text("CSeq");
  cancel.Add("CSeq", cseq.substr(0, cseq.find(' ')) + " CANCEL");
  if (!reason.empty()) cancel.Add("Reason", reason);
  ClientTransaction client{cancel, [](const SipMessage*) {}, nullptr};
  const std::string key = KeyOf(invite_branch, "CANCEL");
  // A client that answers neither CANCEL nor INVITE is forgotten (RFC 3261 section 9.1).
  client.timer = ports_.timers.After(kTransactionTimeout, [this, key, invite_branch] {
    clients_.erase(key);
    auto node = clients_.extract(KeyOf(invite_branch, "INVITE"));
    if (!node.empty()) node.mapped().on_response(nullptr);
  });
  SendText(cancel);
  clients_[key] = std::move(client);
}

void Flow::HandleResponse(const SipMessage& response) {
  const auto head = ReadResponseHead(response);
  const auto client = head ? clients_.find(KeyOf(head->branch, head->method)) : clients_.end();
  if (client == clients_.end()) return counters_.Add(Counter::kUnmatchedResponse);
  if (response.status() < 200) {
    // Timer B ends with the first provisional response, timer F does not.
    if (head->method == "INVITE") client->second.timer.reset();
    const OnResponse on_response = client->second.on_response;
    return on_response(&response);
  }
  auto node = clients_.extract(client);
  if (head->method == "CANCEL") return;  // the INVITE's own answer comes for itself
  const SipMessage& request = node.mapped().request;
  if (head->method == "INVITE" && response.status() >= 300) {
    SipMessage ack = SipMessage::Request("ACK", request.uri());  // RFC 3261 section 17.1.1.3
    for (const char* name : {"Via", "Max-Forwards", "From", "Call-ID"}) ack.Add(name, request.Text(name));
    ack.Add("To", response.Text("To")).Add("CSeq", std::to_string(head->cseq) + " ACK");
    SendText(ack);
  }
  node.mapped().on_response(&response);
}

}  // namespace byon::web_sip
