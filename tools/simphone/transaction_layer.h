#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "dataplane/base/random.h"
#include "tools/simphone/event_loop.h"
#include "tools/simphone/sip_message.h"
#include "tools/simphone/sip_transport.h"

namespace byon::simphone {

class TransactionLayer;

// A request that came in, and the last answer given to it (RFC 3261 section 17.2).
class ServerTransaction {
 public:
  const SipMessage& request() const { return request_; }
  const SipEndpoint& source() const { return source_; }
  bool is_answered() const { return last_status_ >= 200; }

 private:
  friend class TransactionLayer;
  SipMessage request_;
  SipEndpoint source_;
  std::string last_response_;
  int last_status_ = 0;
  EventLoop::TimerId retransmit_timer_ = 0;
};
using ServerTransactionPtr = std::shared_ptr<ServerTransaction>;

// Client and server transactions over the transport: retransmission, time-outs, ACK to failures.
class TransactionLayer {
 public:
  using RequestHandler = std::function<void(const ServerTransactionPtr&)>;
  // ACK to a 2xx, which has no transaction of its own.
  using AckHandler = std::function<void(const SipMessage&)>;
  // Called for every response that is not a retransmission of a final one; status 408 when nobody
  // answered within timer B or F.
  using ResponseHandler = std::function<void(const SipMessage&)>;

  TransactionLayer(EventLoop& loop, std::string local_ip, uint16_t local_port, uint64_t seed);

  void OnRequest(RequestHandler handler) { request_handler_ = std::move(handler); }
  void OnAck(AckHandler handler) { ack_handler_ = std::move(handler); }

  // Adds Via and sends. Returns the branch, by which CancelInvite finds the transaction.
  std::string Send(SipMessage request, const SipEndpoint& to, ResponseHandler handler);
  // CANCEL of an INVITE that has not been answered (RFC 3261 section 9.1).
  void CancelInvite(const std::string& branch, const std::string& reason);
  // ACK to a 2xx: a request without transaction.
  void SendAck(SipMessage ack, const SipEndpoint& to);

  // Final answers to INVITE are repeated until the ACK; 2xx until StopRetransmission.
  void Respond(const ServerTransactionPtr& transaction, const SipMessage& response);
  // A provisional answer that is repeated until StopRetransmission (RFC 3262 section 3).
  void RespondReliably(const ServerTransactionPtr& transaction, const SipMessage& response);
  void StopRetransmission(const ServerTransactionPtr& transaction);

  std::string NewToken(size_t length);
  SipTransport& transport() { return transport_; }
  EventLoop& loop() { return loop_; }

 private:
  struct ClientTransaction {
    SipMessage request;  // with Via
    SipEndpoint to;
    bool is_tcp = false;
    ResponseHandler handler;
    EventLoop::TimerId retransmit_timer = 0;
    EventLoop::TimerId timeout_timer = 0;
    bool has_final = false;
    bool has_provisional = false;
    std::string ack_wire;  // for failures of INVITE
    std::string pending_cancel_reason;
    bool is_cancel_wanted = false;
    bool is_cancelled = false;
  };
  void Receive(const SipMessage& message, const SipEndpoint& source);
  void ReceiveRequest(const SipMessage& request, const SipEndpoint& source);
  void ReceiveResponse(const SipMessage& response);
  void ScheduleRequestRetransmission(const std::string& key, EventLoop::Milliseconds delay);
  void ScheduleResponseRetransmission(const ServerTransactionPtr& transaction, EventLoop::Milliseconds delay,
                                      int count);
  void SendResponseWire(const ServerTransaction& transaction);
  void SendWire(const std::string& wire, const SipEndpoint& to, bool is_tcp);
  void AcknowledgeFailure(ClientTransaction& transaction, const SipMessage& response);
  void SendCancel(ClientTransaction& transaction);
  void EndClient(const std::string& key);

  EventLoop& loop_;
  base::Random random_;
  SipTransport transport_;
  RequestHandler request_handler_;
  AckHandler ack_handler_;
  std::map<std::string, ClientTransaction> clients_;     // branch + method
  std::map<std::string, ServerTransactionPtr> servers_;  // branch + sent-by + method
};

}  // namespace byon::simphone
