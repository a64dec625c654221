#pragma once

#include <memory>
#include <string>

#include "controlplane/api/http_application.h"
#include "controlplane/web_sip/web_sip.h"

namespace byon::web_sip {

// Stands between server and API: WebSockets of subprotocol `sip` go to the SIP side, everything else to the API.
class SocketRouter final : public api::HttpApplication {
 public:
  // Both outlive the router. `web_sip` may be null: then there is no SIP here.
  SocketRouter(api::HttpApplication& api, WebSip* web_sip) : api_(api), web_sip_(web_sip) {}

  void HandleRequest(api::HttpRequest request, api::Respond respond) override {
    api_.HandleRequest(std::move(request), std::move(respond));
  }
  std::unique_ptr<api::WebSocketHandler> OpenWebSocket(const api::HttpRequest& request,
                                                       std::shared_ptr<api::WebSocketSession> session) override {
    constexpr uint16_t kPolicyViolation = 1008;
    if (request.subprotocol != "sip") return api_.OpenWebSocket(request, std::move(session));
    if (web_sip_ != nullptr && request.path == web_sip_->path()) return web_sip_->Open(request, std::move(session));
    session->Close(kPolicyViolation, "no SIP at this path");
    return nullptr;
  }

 private:
  api::HttpApplication& api_;
  WebSip* const web_sip_;
};

}  // namespace byon::web_sip
