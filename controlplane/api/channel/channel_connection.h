#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>

#include "controlplane/api/channel/channel_registry.h"
#include "controlplane/api/http_application.h"
#include "controlplane/api/rate_limiter.h"
#include "controlplane/api/token_service.h"

namespace byon::api {

// Close codes of the event channel, besides those of RFC 6455.
inline constexpr uint16_t kCloseBadMessage = 4400;
inline constexpr uint16_t kCloseUnauthorized = 4401;
inline constexpr uint16_t kCloseForbidden = 4403;
inline constexpr uint16_t kCloseNoChannel = 4404;
inline constexpr uint16_t kCloseAuthTimeout = 4408;
inline constexpr uint16_t kCloseReplaced = 4409;
inline constexpr uint16_t kCloseTooManyChannels = 4429;

struct ConnectionConfig {
  std::chrono::seconds auth_timeout{5};
  std::chrono::seconds token_warning{60};
  std::chrono::seconds ping{20};  // told to the client
  // A client that comes back says in its next message what it has seen; so long its replay waits for it.
  std::chrono::milliseconds resume_wait{200};
  double messages_per_second = 50;
  size_t max_commands = 32;  // unanswered ones at a time
  std::string api_root;      // path prefix of the API
};

// Carries out the REST operation that a command stands for, with the connection's token.
using RunCommand =
    std::function<void(HttpRequest request, std::shared_ptr<const auth::VerifiedToken> token, Respond respond)>;

gateway::Principal PrincipalOf(const auth::VerifiedToken& token);

// One WebSocket of an event channel: proves the user, replays what was missed, then passes events on until
// the token ends. Commands are REST operations by another way. The messages are
// described in asyncapi/byon-channel-v1.yaml.
class ChannelConnection final : public WebSocketHandler, private ChannelListener {
 public:
  struct Ports {
    ChannelRegistry& channels;
    TokenService& tokens;
    gateway::Service& service;
    const CloudEventFactory& events;
    Timers& timers;
    Clock now;
    RunCommand run_command;
  };
  // What the upgrade request says already; a client may say it in its first message instead.
  struct Opening {
    std::string channel_id;  // empty: that of the device
    std::optional<std::string> token;
    std::optional<std::string> resume;
    std::optional<std::string> device_id;
    std::optional<std::string> phone_number;  // with a 2-legged token
    std::string remote_address;
    std::string origin;  // of the page; empty where the client is none
  };
  ChannelConnection(ConnectionConfig config, Ports ports, Opening opening, std::shared_ptr<WebSocketSession> session);
  ~ChannelConnection() override;

  void OnMessage(std::string text) override;
  void OnClosed() override;

 private:
  void OnEvent(const PendingEvent& event) override;
  void OnReplaced() override;
  void OnDeleted() override;

  void Verify(const std::string& token, bool is_renewal);
  void OnVerdict(TokenVerdict verdict, bool is_renewal);
  void TakeCommand(const nlohmann::json& message);
  void TakeAuth(const nlohmann::json& message);
  Channel* FindChannel(const gateway::Principal& who);
  void Open(std::shared_ptr<const auth::VerifiedToken> token);
  void Renew(std::shared_ptr<const auth::VerifiedToken> token);
  void TakeToken(std::shared_ptr<const auth::VerifiedToken> token);
  void ArmTokenTimers();
  void Resume(const std::string& event_id);
  void Replay();
  void SendPresentState();
  void SendEvent(const PendingEvent& event);
  void Close(uint16_t code, const std::string& reason);

  const ConnectionConfig config_;
  Ports ports_;
  Opening opening_;
  std::shared_ptr<WebSocketSession> session_;  // null once closed
  Channel* channel_ = nullptr;                 // while attached
  gateway::Principal who_;
  std::shared_ptr<const auth::VerifiedToken> token_;
  std::set<std::string> commands_;  // unanswered ones by their id
  std::set<EventType> allowed_;
  bool is_verifying_ = false;
  bool is_replaying_ = true;  // events wait until the past has been sent
  uint64_t last_sent_ = 0;
  RateLimiter messages_;
  std::shared_ptr<void> auth_timer_, warning_timer_, expiry_timer_, replay_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace byon::api
