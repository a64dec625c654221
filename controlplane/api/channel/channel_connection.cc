#include "controlplane/api/channel/channel_connection.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "controlplane/api/channel/command_table.h"
#include "controlplane/api/operations/registration_api.h"
#include "controlplane/api/wire_format.h"
#include "controlplane/json/strict_json.h"

namespace byon::api {

using nlohmann::json;
using std::chrono::milliseconds;

namespace {

// The server bounds messages already (limits.websocket_message_bytes); this bounds what is parsed.
constexpr size_t kMaxMessageBytes = 1 << 20;
constexpr std::array kChannelTypes = {EventType::kSessionInvitation, EventType::kSessionStatus,
                                      EventType::kRegistrationEnds,  EventType::kDtmf,
                                      EventType::kTransfer,          EventType::kReferral,
                                      EventType::kEmergency,         EventType::kMessageReceived,
                                      EventType::kMessageStatus,     EventType::kPresenceChanged};

}  // namespace

gateway::Principal PrincipalOf(const auth::VerifiedToken& token) {
  gateway::Principal who;
  who.client_id = token.client_id;
  who.subject = token.subject;
  who.phone_number = token.phone_number;
  who.is_two_legged = token.is_two_legged;
  who.token_expires_at = token.expires_at;
  who.campaign_id = token.campaign_id;
  return who;
}

ChannelConnection::ChannelConnection(ConnectionConfig config, Ports ports, Opening opening,
                                     std::shared_ptr<WebSocketSession> session)
    : config_(std::move(config)),
      ports_(std::move(ports)),
      opening_(std::move(opening)),
      session_(std::move(session)),
      messages_(config_.messages_per_second, 1) {
  auth_timer_ =
      ports_.timers.After(config_.auth_timeout, [this] { Close(kCloseAuthTimeout, "no auth message in time"); });
  if (opening_.token) Verify(*opening_.token, false);
}

ChannelConnection::~ChannelConnection() {
  if (channel_ != nullptr) ports_.channels.Detach(channel_->id, this);
}

void ChannelConnection::OnClosed() {
  session_ = nullptr;
  auth_timer_ = warning_timer_ = expiry_timer_ = replay_timer_ = nullptr;
  if (channel_ != nullptr) ports_.channels.Detach(channel_->id, this);
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
  const auto message =
      byon::json::ParseStrict(text, {.max_bytes = kMaxMessageBytes, .max_depth = 8, .max_values = 256});
  if (!message || !message->is_object()) return Close(kCloseBadMessage, "not a JSON object");
  const auto value = [&message](const char* name) -> std::optional<std::string> {
    const auto it = message->find(name);
    if (it == message->end() || !it->is_string()) return std::nullopt;
    return it->get<std::string>();
  };
  const std::string type = value("type").value_or("");
  if (type == "auth") return TakeAuth(*message);
  if (type == "ping") return session_->Send(R"({"type":"pong"})");
  if (channel_ == nullptr) {
    // The message after auth may come before the verdict.
    if (is_verifying_ && value("resume")) {
      opening_.resume = value("resume");
      return;
    }
    return Close(kCloseUnauthorized, "authenticate first");
  }
  if (message->contains("command")) return TakeCommand(*message);
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

void ChannelConnection::TakeAuth(const json& message) {
  if (channel_ != nullptr || is_verifying_) return Close(kCloseBadMessage, "already authenticated");
  const auto take = [&message](const char* name, std::optional<std::string>& target) {
    const auto it = message.find(name);
    if (it != message.end() && it->is_string()) target = it->get<std::string>();
  };
  std::optional<std::string> token;
  take("token", token);
  if (!token) return Close(kCloseBadMessage, "auth needs a token");
  take("resume", opening_.resume);
  take("deviceId", opening_.device_id);
  take("phoneNumber", opening_.phone_number);
  Verify(*token, false);
}

void ChannelConnection::TakeCommand(const json& message) {
  auto read = ReadCommand(message, config_.api_root);
  if (auto* bad = std::get_if<BadCommand>(&read)) {
    if (bad->id.empty()) return Close(kCloseBadMessage, "a command needs an id");
    return session_->Send(AnswerText(bad->id, ErrorResponse(bad->error)));
  }
  auto& [id, request] = std::get<CommandRequest>(read);
  if (commands_.contains(id)) {
    return session_->Send(AnswerText(id, ErrorResponse(InvalidArgument("id is that of an unanswered command."))));
  }
  if (commands_.size() >= config_.max_commands) {
    return session_->Send(AnswerText(id, ErrorResponse({429, "TOO_MANY_REQUESTS", "Too many unanswered commands."})));
  }
  commands_.insert(id);
  request.remote_address = opening_.remote_address;
  if (!opening_.origin.empty()) request.headers["origin"] = opening_.origin;
  ports_.run_command(std::move(request), token_,
                     [this, id = id, alive = std::weak_ptr<bool>(alive_)](const HttpResponse& response) {
                       if (alive.expired()) return;
                       commands_.erase(id);
                       if (session_) session_->Send(AnswerText(id, response));
                     });
}

void ChannelConnection::Verify(const std::string& token, bool is_renewal) {
  is_verifying_ = true;
  ports_.tokens.Verify(token, opening_.remote_address,
                       [this, is_renewal, alive = std::weak_ptr<bool>(alive_)](TokenVerdict verdict) {
                         if (!alive.expired()) OnVerdict(std::move(verdict), is_renewal);
                       });
}

void ChannelConnection::OnVerdict(TokenVerdict verdict, bool is_renewal) {
  is_verifying_ = false;
  if (!session_) return;
  if (!verdict) {
    const auth::TokenFailure failure = verdict.error();
    const bool may_come_again = failure == auth::TokenFailure::kUnavailable || failure == auth::TokenFailure::kTooMany;
    if (may_come_again) return Close(1013, "try again later");
    if (failure == auth::TokenFailure::kForeignNumber) return Close(kCloseForbidden, "another operator's number");
    return Close(kCloseUnauthorized, "the token is not accepted");
  }
  if ((*verdict)->expires_at <= ports_.now()) return Close(kCloseUnauthorized, "the token has expired");
  if (!is_renewal) return Open(std::move(verdict).value());
  Renew(std::move(verdict).value());
}

void ChannelConnection::TakeToken(std::shared_ptr<const auth::VerifiedToken> token) {
  token_ = std::move(token);
  who_ = PrincipalOf(*token_);
  allowed_.clear();
  for (const EventType type : kChannelTypes) {
    if (token_->HasScope(CreateScope(type))) allowed_.insert(type);
  }
  ArmTokenTimers();
}

// The channel that the URL names, or that of the device; null after the connection was closed for want of it.
Channel* ChannelConnection::FindChannel(const gateway::Principal& who) {
  const std::string& id = opening_.channel_id;
  if (!id.empty()) {
    Channel* channel = ports_.channels.Find(Owner::Of(who), id);
    if (channel != nullptr) return channel;
    ports_.channels.Exists(id) ? Close(kCloseForbidden, "a channel of somebody else")
                               : Close(kCloseNoChannel, "no such channel");
    return nullptr;
  }
  const std::string device_id = opening_.device_id.value_or("");
  const std::string number = opening_.phone_number.value_or("");
  if (!IsUuid(device_id)) {
    Close(kCloseBadMessage, "deviceId must be a UUID");
    return nullptr;
  }
  if (who.is_two_legged ? !IsPhoneNumber(number) : !number.empty()) {
    Close(kCloseBadMessage, "phoneNumber belongs to two-legged tokens, and is needed there");
    return nullptr;
  }
  const auto opened = ports_.channels.Open(Owner::Of(who), DeviceKeyOf(who, device_id, number));
  if (const auto* channel = std::get_if<Channel*>(&opened)) return *channel;
  Close(kCloseTooManyChannels, "too many channels");
  return nullptr;
}

void ChannelConnection::Open(std::shared_ptr<const auth::VerifiedToken> token) {
  const bool has_events = std::any_of(kChannelTypes.begin(), kChannelTypes.end(),
                                      [&token](EventType type) { return token->HasScope(CreateScope(type)); });
  if (!has_events) return Close(kCloseForbidden, "the token has no events scope");
  // Its own may only not be known again yet.
  if (!ports_.channels.is_restored()) return Close(1013, "try again later");
  Channel* channel = FindChannel(PrincipalOf(*token));
  if (channel == nullptr) return;
  TakeToken(std::move(token));
  auth_timer_.reset();
  channel_ = channel;
  ports_.channels.Attach(*channel, this);
  ports_.service.RenewToken(who_, channel->device);
  json commands = json::array();
  for (const Command& command : Commands()) commands.push_back(command.name);
  session_->Send(json{{"type", "ready"},
                      {"channelId", channel->id},
                      {"tokenExpiresAt", FormatDateTime(who_.token_expires_at)},
                      {"pingSeconds", config_.ping.count()},
                      {"commands", std::move(commands)}}
                     .dump());
  if (opening_.resume) return Resume(*std::exchange(opening_.resume, std::nullopt));
  if (channel->pending.empty() && !channel->has_gap) {
    is_replaying_ = false;
    return;
  }
  replay_timer_ = ports_.timers.After(config_.resume_wait, [this] { Replay(); });
}

void ChannelConnection::Renew(std::shared_ptr<const auth::VerifiedToken> token) {
  if (channel_ == nullptr) return;
  if (Owner::Of(PrincipalOf(*token)) != channel_->owner) return Close(kCloseForbidden, "a token of somebody else");
  TakeToken(std::move(token));
  if (allowed_.empty()) return Close(kCloseForbidden, "the token has no events scope");
  ports_.service.RenewToken(who_, channel_->device);
  session_->Send(json{{"type", "token-accepted"}, {"tokenExpiresAt", FormatDateTime(who_.token_expires_at)}}.dump());
}

void ChannelConnection::ArmTokenTimers() {
  const auto until = [this](WallTime time) {
    return std::clamp(std::chrono::ceil<milliseconds>(time - ports_.now()), milliseconds(0), milliseconds(86'400'000));
  };
  // A short-lived token would otherwise be warned of at once, again and again.
  const auto warning =
      std::min<std::chrono::system_clock::duration>(config_.token_warning, (who_.token_expires_at - ports_.now()) / 2);
  warning_timer_ = ports_.timers.After(until(who_.token_expires_at - warning), [this] {
    if (session_ == nullptr) return;
    session_->Send(json{{"type", "token-expiring"}, {"tokenExpiresAt", FormatDateTime(who_.token_expires_at)}}.dump());
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
  const std::list<PendingEvent> pending = channel_->pending;  // sending may end the connection
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
