#pragma once

#include <memory>
#include <string>

#include "controlplane/api/http_application.h"

namespace byon::operators {

class OperatorDispatcher;

// A WebSocket on a host of no operator, until its first message shows a token: then it is the operator's whom
// the token names, and everything goes there.
class UndecidedSocket final : public api::WebSocketHandler {
 public:
  // The dispatcher outlives the socket.
  UndecidedSocket(OperatorDispatcher& dispatcher, api::HttpRequest request,
                  std::shared_ptr<api::WebSocketSession> session);

  void OnMessage(std::string text) override;
  void OnClosed() override;

 private:
  void Close(uint16_t code, const std::string& reason);

  OperatorDispatcher& dispatcher_;
  const api::HttpRequest request_;
  std::shared_ptr<api::WebSocketSession> session_;  // null once decided or closed
  std::unique_ptr<api::WebSocketHandler> chosen_;
  std::shared_ptr<void> patience_;
};

}  // namespace byon::operators
