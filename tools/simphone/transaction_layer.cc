#include "tools/simphone/transaction_layer.h"

#include <algorithm>

namespace byon::simphone {
namespace {

using namespace std::chrono_literals;

constexpr EventLoop::Milliseconds kT1 = 500ms;                    // RFC 3261 section 17.1.1.1
constexpr EventLoop::Milliseconds kT2 = 4000ms;                   // RFC 3261 section 17.1.2.1
constexpr EventLoop::Milliseconds kTransactionTimeout = 32000ms;  // 64 * T1: timers B, F, H

std::string ViaBranch(const SipMessage& message) {
  const auto vias = message.HeaderList("Via");
  return vias.empty() ? std::string() : FindParameter(vias[0], "branch").value_or("");
}

std::string ServerKey(const SipMessage& request, std::string_view method) {
  const auto vias = request.HeaderList("Via");
  const std::string via = vias.empty() ? std::string() : vias[0];
  return via.substr(0, via.find(';')) + "|" + ViaBranch(request) + "|" + std::string(method);
}

}  // namespace

TransactionLayer::TransactionLayer(EventLoop& loop, std::string local_ip, uint16_t local_port, uint64_t seed)
    : loop_(loop),
      random_(seed),
      transport_(loop, std::move(local_ip), local_port,
                 [this](const SipMessage& m, const SipEndpoint& source) { Receive(m, source); }) {}

std::string TransactionLayer::NewToken(size_t length) {
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::string token;
  for (size_t i = 0; i < length; ++i) token += kAlphabet[random_.NextBelow(kAlphabet.size())];
  return token;
}

void TransactionLayer::SendWire(const std::string& wire, const SipEndpoint& to, bool is_tcp) {
  if (is_tcp) {
    transport_.SendTcp(wire, to);
  } else {
    transport_.SendUdp(wire, to);
  }
}

std::string TransactionLayer::Send(SipMessage request, const SipEndpoint& to, ResponseHandler handler) {
  const std::string branch = "z9hG4bK" + NewToken(16);
  // The Via that will be added takes about 100 bytes.
  const bool is_tcp = SipTransport::NeedsTcp(request.Serialize().size() + 100);
  request.AddFirst("Via", std::string("SIP/2.0/") + (is_tcp ? "TCP " : "UDP ") + transport_.HostPort() +
                              ";branch=" + branch + ";rport");
  const std::string key = branch + request.method();
  const std::string wire = request.Serialize();
  ClientTransaction& client = clients_[key];
  client.request = std::move(request);
  client.to = to;
  client.is_tcp = is_tcp;
  client.handler = std::move(handler);
  client.timeout_timer = loop_.RunAfter(kTransactionTimeout, [this, key] {
    ClientTransaction& late = clients_[key];
    late.timeout_timer = 0;
    const bool was_answered = late.has_final || (late.request.method() == "INVITE" && late.has_provisional);
    const ResponseHandler on_response = late.handler;
    const SipMessage timeout = SipMessage::ResponseTo(late.request, 408, "Request Timeout");
    if (!was_answered || late.has_final) EndClient(key);
    if (!was_answered && on_response) on_response(timeout);
  });
  SendWire(wire, to, is_tcp);
  if (!is_tcp) ScheduleRequestRetransmission(key, kT1);
  return branch;
}

void TransactionLayer::ScheduleRequestRetransmission(const std::string& key, EventLoop::Milliseconds delay) {
  clients_[key].retransmit_timer = loop_.RunAfter(delay, [this, key, delay] {
    ClientTransaction& client = clients_[key];
    client.retransmit_timer = 0;
    SendWire(client.request.Serialize(), client.to, client.is_tcp);
    const bool is_invite = client.request.method() == "INVITE";
    ScheduleRequestRetransmission(key, is_invite ? delay * 2 : std::min(delay * 2, kT2));
  });
}

void TransactionLayer::EndClient(const std::string& key) {
  const auto found = clients_.find(key);
  if (found == clients_.end()) return;
  loop_.Cancel(found->second.retransmit_timer);
  loop_.Cancel(found->second.timeout_timer);
  clients_.erase(found);
}

void TransactionLayer::SendAck(SipMessage ack, const SipEndpoint& to) {
  const bool is_tcp = SipTransport::NeedsTcp(ack.Serialize().size() + 100);
  ack.AddFirst("Via", std::string("SIP/2.0/") + (is_tcp ? "TCP " : "UDP ") + transport_.HostPort() + ";branch=z9hG4bK" +
                          NewToken(16) + ";rport");
  SendWire(ack.Serialize(), to, is_tcp);
}

void TransactionLayer::CancelInvite(const std::string& branch, const std::string& reason) {
  const auto found = clients_.find(branch + "INVITE");
  if (found == clients_.end() || found->second.has_final) return;
  found->second.is_cancel_wanted = true;
  found->second.pending_cancel_reason = reason;
  // Before a provisional response CANCEL has nothing to hold on to (RFC 3261 section 9.1).
  if (found->second.has_provisional) SendCancel(found->second);
}

void TransactionLayer::SendCancel(ClientTransaction& transaction) {
  if (transaction.is_cancelled) return;
  transaction.is_cancelled = true;
  const SipMessage& invite = transaction.request;
  SipMessage cancel = SipMessage::Request("CANCEL", invite.request_uri());
  cancel.Add("Via", invite.Header("Via"));
  for (const std::string& route : invite.HeaderList("Route")) cancel.Add("Route", route);
  cancel.Add("Max-Forwards", "70");
  cancel.Add("From", invite.Header("From"));
  cancel.Add("To", invite.Header("To"));
  cancel.Add("Call-ID", invite.Header("Call-ID"));
  cancel.Add("CSeq", std::to_string(invite.cseq()) + " CANCEL");
  if (!transaction.pending_cancel_reason.empty()) {
    cancel.Add("Reason", transaction.pending_cancel_reason);
  }
  const std::string key = ViaBranch(invite) + "CANCEL";
  ClientTransaction& client = clients_[key];
  client.request = cancel;
  client.to = transaction.to;
  client.is_tcp = transaction.is_tcp;
  client.timeout_timer = loop_.RunAfter(kTransactionTimeout, [this, key] {
    clients_[key].timeout_timer = 0;
    EndClient(key);
  });
  SendWire(cancel.Serialize(), client.to, client.is_tcp);
  if (!client.is_tcp) ScheduleRequestRetransmission(key, kT1);
}

void TransactionLayer::Receive(const SipMessage& message, const SipEndpoint& source) {
  if (message.is_request()) {
    ReceiveRequest(message, source);
  } else {
    ReceiveResponse(message);
  }
}

void TransactionLayer::ReceiveResponse(const SipMessage& response) {
  const std::string key = ViaBranch(response) + response.method();
  const auto found = clients_.find(key);
  if (found == clients_.end()) return;
  ClientTransaction& client = found->second;
  const bool is_invite = response.method() == "INVITE";
  const bool is_final = response.status() >= 200;
  loop_.Cancel(client.retransmit_timer);
  client.retransmit_timer = 0;
  // A non-INVITE request goes on repeating at T2 after a provisional response.
  if (!is_final && !is_invite && !client.is_tcp) ScheduleRequestRetransmission(key, kT2);
  client.has_provisional = client.has_provisional || !is_final;
  if (!is_final && client.is_cancel_wanted) SendCancel(client);
  if (is_invite && response.status() >= 300) AcknowledgeFailure(client, response);
  // Every 2xx to INVITE goes up: a fork may bring several, and a repeated one wants its ACK again.
  const bool is_repeated = client.has_final && !(is_invite && response.status() < 300);
  client.has_final = client.has_final || is_final;
  if (is_repeated || !client.handler) return;
  const ResponseHandler handler = client.handler;
  handler(response);
}

void TransactionLayer::AcknowledgeFailure(ClientTransaction& transaction, const SipMessage& response) {
  if (transaction.ack_wire.empty()) {
    const SipMessage& invite = transaction.request;
    SipMessage ack = SipMessage::Request("ACK", invite.request_uri());
    ack.Add("Via", invite.Header("Via"));
    for (const std::string& route : invite.HeaderList("Route")) ack.Add("Route", route);
    ack.Add("Max-Forwards", "70");
    ack.Add("From", invite.Header("From"));
    ack.Add("To", response.Header("To"));
    ack.Add("Call-ID", invite.Header("Call-ID"));
    ack.Add("CSeq", std::to_string(invite.cseq()) + " ACK");
    transaction.ack_wire = ack.Serialize();
  }
  SendWire(transaction.ack_wire, transaction.to, transaction.is_tcp);
}

void TransactionLayer::ReceiveRequest(const SipMessage& request, const SipEndpoint& source) {
  if (request.method() == "ACK") {
    const auto failed = servers_.find(ServerKey(request, "INVITE"));
    if (failed != servers_.end() && failed->second->last_status_ >= 300) {
      StopRetransmission(failed->second);
    } else if (ack_handler_) {
      ack_handler_(request);
    }
    return;
  }
  const std::string key = ServerKey(request, request.method());
  if (const auto known = servers_.find(key); known != servers_.end()) {
    if (!known->second->last_response_.empty()) SendResponseWire(*known->second);
    return;
  }
  auto transaction = std::make_shared<ServerTransaction>();
  transaction->request_ = request;
  transaction->source_ = source;
  servers_[key] = transaction;
  if (request_handler_) request_handler_(transaction);
}

void TransactionLayer::SendResponseWire(const ServerTransaction& transaction) {
  SendWire(transaction.last_response_, transaction.source_, transaction.source_.connection >= 0);
}

void TransactionLayer::Respond(const ServerTransactionPtr& transaction, const SipMessage& response) {
  StopRetransmission(transaction);
  transaction->last_status_ = response.status();
  transaction->last_response_ = response.Serialize();
  SendResponseWire(*transaction);
  if (response.status() < 200) return;
  const bool is_invite = transaction->request_.method() == "INVITE";
  if (is_invite) ScheduleResponseRetransmission(transaction, kT1, 0);
  const std::string key = ServerKey(transaction->request_, transaction->request_.method());
  loop_.RunAfter(kTransactionTimeout, [this, key] { servers_.erase(key); });
}

void TransactionLayer::RespondReliably(const ServerTransactionPtr& transaction, const SipMessage& response) {
  StopRetransmission(transaction);
  transaction->last_status_ = response.status();
  transaction->last_response_ = response.Serialize();
  SendResponseWire(*transaction);
  ScheduleResponseRetransmission(transaction, kT1, 0);
}

void TransactionLayer::ScheduleResponseRetransmission(const ServerTransactionPtr& transaction,
                                                      EventLoop::Milliseconds delay, int count) {
  constexpr int kLargestCount = 10;  // 10 transmissions with doubling up to T2 span 64 * T1
  if (count >= kLargestCount) return;
  transaction->retransmit_timer_ = loop_.RunAfter(delay, [this, transaction, delay, count] {
    SendResponseWire(*transaction);
    ScheduleResponseRetransmission(transaction, std::min(delay * 2, kT2), count + 1);
  });
}

void TransactionLayer::StopRetransmission(const ServerTransactionPtr& transaction) {
  loop_.Cancel(transaction->retransmit_timer_);
  transaction->retransmit_timer_ = 0;
}

}  // namespace byon::simphone
