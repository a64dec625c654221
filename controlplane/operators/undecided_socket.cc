#include "controlplane/operators/undecided_socket.h"

#include <nlohmann/json.hpp>

#include "controlplane/api/channel/channel_connection.h"
#include "controlplane/json/strict_json.h"
#include "controlplane/operators/operator_dispatcher.h"

namespace byon::operators {
namespace {

constexpr size_t kMaxMessageBytes = 32 * 1024;  // a token has 16 KiB at most

}  // namespace

UndecidedSocket::UndecidedSocket(OperatorDispatcher& dispatcher, api::HttpRequest request,
                                 std::shared_ptr<api::WebSocketSession> session)
    : dispatcher_(dispatcher), request_(std::move(request)), session_(std::move(session)) {
  patience_ = dispatcher_.ports().timers.After(dispatcher_.ports().auth_timeout,
                                               [this] { Close(api::kCloseAuthTimeout, "no auth message in time"); });
}

void UndecidedSocket::OnMessage(std::string text) {
  if (chosen_) return chosen_->OnMessage(std::move(text));
  if (!session_) return;
  const auto message = json::ParseStrict(text, {.max_bytes = kMaxMessageBytes, .max_depth = 8, .max_values = 256});
  if (!message || !message->is_object()) return Close(api::kCloseBadMessage, "not a JSON object");
  const auto member = [&message](const char* name) -> std::string {
    const auto it = message->find(name);
    return it != message->end() && it->is_string() ? it->get<std::string>() : "";
  };
  if (member("type") == "ping") return session_->Send(R"({"type":"pong"})");
  if (member("type") != "auth") return Close(api::kCloseUnauthorized, "authenticate first");
  if (member("token").empty()) return Close(api::kCloseBadMessage, "auth needs a token");
  patience_.reset();
  chosen_ = dispatcher_.OpenByToken(request_, member("token"), std::exchange(session_, nullptr));
  if (chosen_) chosen_->OnMessage(std::move(text));
}

void UndecidedSocket::OnClosed() {
  patience_.reset();
  session_ = nullptr;
  if (chosen_) chosen_->OnClosed();
}

void UndecidedSocket::Close(uint16_t code, const std::string& reason) {
  patience_.reset();
  const auto session = std::exchange(session_, nullptr);
  if (session) session->Close(code, reason);
}

}  // namespace byon::operators
