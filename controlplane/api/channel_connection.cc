#include "controlplane/api/channel_connection.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controlplane/api/wire_format.h"
#include "controlplane/json/strict_json.h"

namespace byon::api {

using nlohmann::json;
using std::chrono::milliseconds;

gateway::Principal PrincipalOf(const auth::VerifiedToken& token) {
  gateway::Principal who;
  who.client_id = token.client_id;
  who.subject = token.subject;
  who.phone_number = token.phone_number;
  who.is_two_legged = token.is_two_legged;
  who.token_expires_at = token.expires_at;
  return who;
}

ChannelConnection::ChannelConnection(ConnectionConfig config, Ports ports, std::string channel_id,
                                     std::shared_ptr<WebSocketSession> session,
                                     std::optional<std::string> token, std::optional<std::string> resume)
    : config_(config),
      ports_(std::move(ports)),
      channel_id_(std::move(channel_id)),
      session_(std::move(session)),
      resume_(std::move(resume)),
      messages_(config.messages_per_second, 1) {
  auth_timer_ = ports_.timers.After(config_.auth_timeout, [this] {
    Close(kCloseAuthTimeout, "no auth message in time");
  });
  if (token) Verify(*token, false);
}

ChannelConnection::~ChannelConnection() {
  if (channel_ != nullptr) ports_.channels.Detach(channel_id_, this);
}

void ChannelConnection::OnClosed() {
  session_ = nullptr;
  auth_timer_ = warning_timer_ = expiry_timer_ = replay_timer_ = nullptr;
  if (channel_ != nullptr) ports_.channels.Detach(channel_id_, this);
  channel_ = nullptr;
}

void ChannelConnection::Close(uint16_t code, const std::string& reason) {
  const auto session = session_;
  OnClosed();
  if (session) session->Close(code, reason);
}

void ChannelConnection::OnMessage(std::string text) {
  if (!session_) return;
  if (!messages_.Take("", ports_.now())) return Close(1008, "too many messages");
  const auto message = byon::json::ParseStrict(text, {.max_bytes = 64 * 1024, .max_depth = 4, .max_values = 32});
  if (!message || !message->is_object()) return Close(kCloseBadMessage, "not a JSON object");
  const auto value = [&message](const char* name) -> std::optional<std::string> {
    const auto it = message->find(name);
    if (it == message->end() || !it->is_string()) return std::nullopt;
    return it->get<std::string>();
  };
  const std::string type = value("type").value_or("");
  if (type == "auth") {
    if (channel_ != nullptr || is_verifying_) return Close(kCloseBadMessage, "already authenticated");
    const auto token = value("token");
    if (!token) return Close(kCloseBadMessage, "auth needs a token");
    if (const auto resume = value("resume")) resume_ = resume;
    return Verify(*token, false);
  }
  if (type == "ping") return session_->Send(R"({"type":"pong"})");
  if (channel_ == nullptr) {
    // The message after auth may come before the verdict.
    if (is_verifying_ && value("resume")) {
      resume_ = value("resume");
      return;
    }
    return Close(kCloseUnauthorized, "authenticate first");
  }
  if (type == "token") {
    const auto token = value("token");
    if (!token) return Close(kCloseBadMessage, "token is missing");
    return Verify(*token, true);
  }
  if (const auto id = value("ack")) {
    ports_.channels.Acknowledge(*channel_, *id);
    if (is_replaying_) Replay();
    return;
  }
  if (const auto id = value("resume")) return Resume(*id);
  Close(kCloseBadMessage, "unknown message");
}

void ChannelConnection::Verify(const std::string& token, bool is_renewal) {
  is_verifying_ = true;
  ports_.tokens.Verify(token, [this, is_renewal, alive = std::weak_ptr<bool>(alive_)](TokenVerdict verdict) {
    if (!alive.expired()) OnVerdict(std::move(verdict), is_renewal);
  });
}

void ChannelConnection::OnVerdict(TokenVerdict verdict, bool is_renewal) {
  is_verifying_ = false;
  if (!session_) return;
  if (!verdict) {
    if (verdict.error() == auth::TokenFailure::kUnavailable) return Close(1013, "try again later");
    return Close(kCloseUnauthorized, "the token is not accepted");
  }
  const auth::VerifiedToken& token = **verdict;
  if (token.expires_at <= ports_.now()) return Close(kCloseUnauthorized, "the token has expired");
  is_renewal ? Renew(token) : Open(token);
}

void ChannelConnection::TakeToken(const auth::VerifiedToken& token) {
  who_ = PrincipalOf(token);
  allowed_.clear();
  for (const EventType type :
       {EventType::kSessionInvitation, EventType::kSessionStatus, EventType::kRegistrationEnds, EventType::kDtmf}) {
    if (token.HasScope(CreateScope(type))) allowed_.insert(type);
  }
  ArmTokenTimers();
}

void ChannelConnection::Open(const auth::VerifiedToken& token) {
  Channel* channel = ports_.channels.Find(Owner::Of(PrincipalOf(token)), channel_id_);
  if (channel == nullptr) {
    const bool is_foreign = ports_.channels.Exists(channel_id_);
    return is_foreign ? Close(kCloseForbidden, "a channel of somebody else") : Close(kCloseNoChannel, "no such channel");
  }
  TakeToken(token);
  if (allowed_.empty()) return Close(kCloseForbidden, "the token has no events scope");
  auth_timer_.reset();
  channel_ = channel;
  ports_.channels.Attach(*channel, this);
  ports_.service.RenewToken(who_, channel->device);
  session_->Send(json{{"type", "ready"},
                      {"channelId", channel_id_},
                      {"tokenExpiresAt", FormatDateTime(who_.token_expires_at)},
                      {"pingSeconds", config_.ping.count()}}
                     .dump());
  if (resume_) return Resume(*std::exchange(resume_, std::nullopt));
  if (channel->pending.empty() && !channel->has_gap) {
    is_replaying_ = false;
    return;
  }
  replay_timer_ = ports_.timers.After(config_.resume_wait, [this] { Replay(); });
}

void ChannelConnection::Renew(const auth::VerifiedToken& token) {
  if (channel_ == nullptr) return;
  if (Owner::Of(PrincipalOf(token)) != channel_->owner) return Close(kCloseForbidden, "a token of somebody else");
  TakeToken(token);
  if (allowed_.empty()) return Close(kCloseForbidden, "the token has no events scope");
  ports_.service.RenewToken(who_, channel_->device);
  session_->Send(
      json{{"type", "token-accepted"}, {"tokenExpiresAt", FormatDateTime(who_.token_expires_at)}}.dump());
}

void ChannelConnection::ArmTokenTimers() {
  const auto until = [this](WallTime time) {
    return std::clamp(std::chrono::ceil<milliseconds>(time - ports_.now()), milliseconds(0),
                      milliseconds(86'400'000));
  };
  // A short-lived token would otherwise be warned of at once, again and again.
  const auto warning = std::min<std::chrono::system_clock::duration>(
      config_.token_warning, (who_.token_expires_at - ports_.now()) / 2);
  warning_timer_ = ports_.timers.After(until(who_.token_expires_at - warning), [this] {
    if (session_ == nullptr) return;
    session_->Send(
        json{{"type", "token-expiring"}, {"tokenExpiresAt", FormatDateTime(who_.token_expires_at)}}.dump());
  });
  expiry_timer_ = ports_.timers.After(until(who_.token_expires_at), [this] {
    if (ports_.now() < who_.token_expires_at) return ArmTokenTimers();
    Close(kCloseUnauthorized, "the token has expired");
  });
}

void ChannelConnection::Resume(const std::string& event_id) {
  if (!ports_.channels.Acknowledge(*channel_, event_id)) channel_->has_gap = true;
  Replay();
}

void ChannelConnection::Replay() {
  replay_timer_.reset();
  if (channel_ == nullptr) return;
  is_replaying_ = false;
  if (channel_->has_gap) {
    channel_->has_gap = false;
    session_->Send(R"({"type":"gap"})");
    SendPresentState();
  }
  const std::deque<PendingEvent> pending = channel_->pending;  // sending may end the connection
  for (const PendingEvent& event : pending) SendEvent(event);
}

// What a client needs that has lost events: each live call as it stands now. These events are not kept.
void ChannelConnection::SendPresentState() {
  if (!allowed_.contains(EventType::kSessionStatus)) return;
  for (const gateway::MediaSession& session : ports_.service.ListCalls(who_, channel_->device.device_id)) {
    if (session_ == nullptr || call::IsTerminal(session.status)) continue;
    session_->Send(ports_.events.Make(gateway::SessionStatus{session, std::nullopt}).Text());
  }
}

void ChannelConnection::SendEvent(const PendingEvent& event) {
  if (session_ == nullptr || event.number <= last_sent_) return;
  last_sent_ = event.number;
  if (allowed_.contains(event.type)) session_->Send(event.text);
}

void ChannelConnection::OnEvent(const PendingEvent& event) {
  if (!is_replaying_) SendEvent(event);
}

void ChannelConnection::OnReplaced() {
  channel_ = nullptr;
  Close(kCloseReplaced, "another connection took the channel over");
}

void ChannelConnection::OnDeleted() {
  channel_ = nullptr;
  Close(kCloseNoChannel, "the channel was deleted");
}

}  // namespace byon::api
