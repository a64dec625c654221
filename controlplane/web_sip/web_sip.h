#pragma once

#include <memory>
#include <string>

#include "controlplane/api/http_application.h"
#include "controlplane/web_sip/leg.h"
#include "controlplane/web_sip/leg_table.h"
#include "controlplane/web_sip/registrar.h"
#include "controlplane/web_sip/text_messages.h"

namespace byon::web_sip {

// SIP over WebSocket (RFC 7118): the eP-CSCF of TS 24.371 towards clients that speak SIP. Every request ends
// here and becomes a call of gateway::Service; nothing is passed on.
class WebSip final : public gateway::EventSink, private FlowObserver {
 public:
  WebSip(WebSipConfig config, WebSipPorts ports);
  ~WebSip() override;
  WebSip(const WebSip&) = delete;
  WebSip& operator=(const WebSip&) = delete;

  std::unique_ptr<api::WebSocketHandler> Open(const api::HttpRequest& request,
                                              std::shared_ptr<api::WebSocketSession> session);
  // Of all devices; those that did not register here are not meant.
  void OnEvent(const gateway::DeviceKey& device, const gateway::Event& event) override;

  const std::string& path() const { return config_.path; }
  const Counters& counters() const { return counters_; }
  std::string TakeCounterChanges() { return counters_.TakeChanges(); }
  size_t lines() const { return lines_.size(); }
  size_t calls() const { return legs_.size(); }

 private:
  void OnRequest(Flow& flow, const ServerTransactionPointer& transaction) override;
  void OnAck(Flow& flow, const RequestHead& head) override;
  void OnCancel(Flow& flow, const ServerTransactionPointer& invite) override;
  void OnFlowClosed(Flow& flow) override;

  // Runs `then` with the identity that the request proves, or answers it.
  void Authenticate(Flow& flow, const ServerTransactionPointer& transaction, std::function<void(Identity)> then);
  bool TakeTurn(const ServerTransactionPointer& transaction, const gateway::Principal& who);
  void OnInitialInvite(Flow& flow, const ServerTransactionPointer& transaction, const Identity& identity);
  void OnRequestInDialog(const ServerTransactionPointer& transaction, const gateway::Principal& who);
  std::shared_ptr<Leg> FindLeg(const RequestHead& head, const gateway::Principal& who) const;

  const WebSipConfig config_;
  WebSipPorts ports_;
  Counters counters_;
  api::RateLimiter password_attempts_;
  api::RateLimiter per_user_;
  api::RateLimiter help_per_user_;
  LineTable lines_;
  LegEnvironment environment_;
  LegTable legs_;
  Registrar registrar_;
  TextMessages messages_;
};

}  // namespace byon::web_sip
