#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/api/clock_and_timers.h"
#include "controlplane/api/http_application.h"
#include "controlplane/operators/operator_directory.h"

namespace byon::operators {

// Where an operator's requests go in.
struct OperatorDoor {
  api::HttpApplication& application;
  // What is not ready yet, in words; empty: ready.
  std::function<std::string()> unreadiness;
};

// Stands between the server and the operators: one entry point, and behind it for each operator an application that
// knows of no other. On the strand.
class OperatorDispatcher final : public api::HttpApplication {
 public:
  struct Ports {
    api::Timers& timers;
    std::function<std::string()> new_id;
    // How long a WebSocket that no operator owns may be silent; like api::ConnectionConfig::auth_timeout.
    std::chrono::seconds auth_timeout{5};
  };
  // `doors`: in the directory's order; all outlive the dispatcher. `api_root`: the path prefix of the API.
  OperatorDispatcher(OperatorDirectory directory, std::vector<OperatorDoor> doors, std::string api_root, Ports ports);

  void HandleRequest(api::HttpRequest request, api::Respond respond) override;
  std::unique_ptr<api::WebSocketHandler> OpenWebSocket(const api::HttpRequest& request,
                                                       std::shared_ptr<api::WebSocketSession> session) override;
  // The operator that a token in the first message of a WebSocket chooses; nothing after the session was closed.
  std::unique_ptr<api::WebSocketHandler> OpenByToken(api::HttpRequest request, const std::string& token,
                                                     std::shared_ptr<api::WebSocketSession> session);
  const Ports& ports() const { return ports_; }

 private:
  void AnswerReadiness(const api::HttpRequest& request, const api::Respond& respond) const;
  void Refuse(const api::HttpRequest& request, const api::Respond& respond, int status, const char* code,
              const char* message) const;

  const OperatorDirectory directory_;
  const std::vector<OperatorDoor> doors_;
  const std::string api_root_;
  Ports ports_;
};

}  // namespace byon::operators
