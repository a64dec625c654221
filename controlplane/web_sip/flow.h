#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "controlplane/api/http_application.h"
#include "controlplane/web_sip/authenticator.h"
#include "controlplane/web_sip/message.h"
#include "controlplane/web_sip/request_head.h"
#include "controlplane/web_sip/web_sip_config.h"

namespace byon::web_sip {

class Flow;

// A client's request and our answers to it (RFC 3261 section 17.2 over a reliable transport).
class ServerTransaction {
 public:
  ServerTransaction(std::weak_ptr<Flow> flow, SipMessage message, RequestHead its_head, std::string own_tag)
      : request(std::move(message)), head(std::move(its_head)), to_tag(std::move(own_tag)), flow_(std::move(flow)) {}

  const SipMessage request;
  const RequestHead head;
  const std::string to_tag;  // ours, in answers to requests without one

  SipMessage Make(int status) const { return ResponseTo(request, status, to_tag); }
  // Nothing is sent once a final response was, or when the connection is gone.
  void Respond(const SipMessage& response);
  void Respond(int status) { Respond(Make(status)); }
  void Reject(const Rejection& rejection);
  bool is_answered() const { return is_answered_; }

 private:
  const std::weak_ptr<Flow> flow_;
  bool is_answered_ = false;
};
using ServerTransactionPointer = std::shared_ptr<ServerTransaction>;

// Who takes what comes in on the connections.
class FlowObserver {
 public:
  virtual ~FlowObserver() = default;
  virtual void OnRequest(Flow& flow, const ServerTransactionPointer& transaction) = 0;
  virtual void OnAck(Flow& flow, const RequestHead& head) = 0;  // of a 2xx
  virtual void OnCancel(Flow& flow, const ServerTransactionPointer& invite) = 0;
  virtual void OnFlowClosed(Flow& flow) = 0;
};

// One WebSocket connection of a client (a flow in the words of RFC 5626): parses, bounds, keeps the
// transactions of both directions. Time comes from the timers.
class Flow : public std::enable_shared_from_this<Flow> {
 public:
  // The response, or null: none came in time or the connection is gone. Provisional ones too.
  using OnResponse = std::function<void(const SipMessage*)>;

  Flow(const WebSipConfig& config, WebSipPorts& ports, Counters& counters, api::RateLimiter& attempts,
       FlowObserver& observer, std::shared_ptr<api::WebSocketSession> session, std::string remote_address);

  void Start();
  void HandleText(const std::string& text);
  void HandleClosed();

  // Sends a request in a transaction of its own. Returns the branch that names it.
  std::string Send(SipMessage request, OnResponse on_response);
  // The ACK of a 2xx.
  void SendAck(SipMessage ack);
  // CANCEL of an INVITE that is under way (RFC 3261 section 9.1).
  void Cancel(const std::string& invite_branch, const std::string& reason);
  void Close(uint16_t code, const std::string& why);

  Authenticator& authenticator() { return authenticator_; }
  const std::optional<Identity>& identity() const { return identity_; }
  void set_identity(Identity identity);
  bool is_open() const { return session_ != nullptr; }
  // The device that registered here; the line table has it, and may have given it to a newer connection.
  const std::optional<gateway::DeviceKey>& device() const { return device_; }
  void set_device(gateway::DeviceKey device) { device_ = std::move(device); }

 private:
  friend class ServerTransaction;
  struct ClientTransaction {
    SipMessage request;
    OnResponse on_response;
    std::shared_ptr<void> timer;
  };

  void HandleRequest(SipMessage request);
  void HandleResponse(const SipMessage& response);
  void HandleCancel(const ServerTransactionPointer& cancel);
  void FinishTransaction(const ServerTransaction& transaction, int status);
  void Refuse(const SipMessage& request, const Rejection& rejection);
  void SendText(const SipMessage& message);
  SipMessage WithVia(SipMessage request, const std::string& branch) const;

  const WebSipConfig& config_;
  WebSipPorts& ports_;
  Counters& counters_;
  FlowObserver& observer_;
  std::shared_ptr<api::WebSocketSession> session_;  // null once closed
  Authenticator authenticator_;
  api::RateLimiter messages_;
  std::optional<Identity> identity_;
  std::optional<gateway::DeviceKey> device_;
  std::map<std::string, ServerTransactionPointer> invites_;  // by branch, until their ACK
  std::map<std::string, std::shared_ptr<void>> invite_timers_;
  std::map<std::string, ServerTransactionPointer> others_;  // by branch and method, until answered
  std::map<std::string, ClientTransaction> clients_;        // by branch and method
  std::shared_ptr<void> auth_timer_;
};

}  // namespace byon::web_sip
