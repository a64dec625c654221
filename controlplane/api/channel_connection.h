#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "controlplane/api/channel_registry.h"
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

struct ConnectionConfig {
  std::chrono::seconds auth_timeout{5};
  std::chrono::seconds token_warning{60};
  std::chrono::seconds ping{20};  // told to the client
  // A client that comes back says in its next message what it has seen; so long its replay waits for it.
  std::chrono::milliseconds resume_wait{200};
  double messages_per_second = 50;
};

gateway::Principal PrincipalOf(const auth::VerifiedToken& token);

// One WebSocket of an event channel: proves the user, replays what was missed, then passes events on until
// the token ends. The messages are described in openapi/byon-v1.yaml.
class ChannelConnection final : public WebSocketHandler, private ChannelListener {
 public:
  struct Ports {
    ChannelRegistry& channels;
    TokenService& tokens;
    gateway::Service& service;
    const CloudEventFactory& events;
    Timers& timers;
    Clock now;
  };
  // `token` and `resume` as far as the upgrade request had them.
  ChannelConnection(ConnectionConfig config, Ports ports, std::string channel_id,
                    std::shared_ptr<WebSocketSession> session, std::optional<std::string> token,
                    std::optional<std::string> resume);
  ~ChannelConnection() override;

  void OnMessage(std::string text) override;
  void OnClosed() override;

 private:
  void OnEvent(const PendingEvent& event) override;
  void OnReplaced() override;
  void OnDeleted() override;

  void Verify(const std::string& token, bool is_renewal);
  void OnVerdict(TokenVerdict verdict, bool is_renewal);
  void Open(const auth::VerifiedToken& token);
  void Renew(const auth::VerifiedToken& token);
  void TakeToken(const auth::VerifiedToken& token);
  void ArmTokenTimers();
  void Resume(const std::string& event_id);
  void Replay();
  void SendPresentState();
  void SendEvent(const PendingEvent& event);
  void Close(uint16_t code, const std::string& reason);

  const ConnectionConfig config_;
  Ports ports_;
  const std::string channel_id_;
  std::shared_ptr<WebSocketSession> session_;  // null once closed
  std::optional<std::string> resume_;
  Channel* channel_ = nullptr;  // while attached
  gateway::Principal who_;
  std::set<EventType> allowed_;
  bool is_verifying_ = false;
  bool is_replaying_ = true;  // events wait until the past has been sent
  uint64_t last_sent_ = 0;
  RateLimiter messages_;
  std::shared_ptr<void> auth_timer_, warning_timer_, expiry_timer_, replay_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace byon::api
