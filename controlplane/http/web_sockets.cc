#include "controlplane/http/web_sockets.h"

#include <libwebsockets.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <string_view>
#include <utility>
#include <vector>

namespace byon::http {
namespace {

constexpr std::string_view kPingText = "byon";
constexpr uint16_t kGoingAway = 1001;
constexpr uint16_t kUnsupportedData = 1003;
constexpr uint16_t kTooBig = 1009;
constexpr uint16_t kTryAgainLater = 1013;

class Session final : public api::WebSocketSession {
 public:
  Session(ExchangeId id, std::shared_ptr<Outbox> outbox, std::shared_ptr<std::atomic<size_t>> queued_bytes,
          size_t max_queued_bytes)
      : id_(id),
        outbox_(std::move(outbox)),
        queued_bytes_(std::move(queued_bytes)),
        max_queued_bytes_(max_queued_bytes) {}

  void Send(std::string text) override {
    if (queued_bytes_->fetch_add(text.size()) + text.size() > max_queued_bytes_) {
      Close(kTryAgainLater, "reader too slow");
      return;
    }
    outbox_->Push({id_, SendMessage{std::move(text)}});
  }
  void Close(uint16_t code, std::string reason) override { outbox_->Push({id_, CloseSocket{code, std::move(reason)}}); }

 private:
  const ExchangeId id_;
  const std::shared_ptr<Outbox> outbox_;
  const std::shared_ptr<std::atomic<size_t>> queued_bytes_;
  const size_t max_queued_bytes_;
};

int CloseNow(lws* connection, uint16_t code, std::string reason = {}) {
  lws_close_reason(connection, static_cast<lws_close_status>(code), reinterpret_cast<unsigned char*>(reason.data()),
                   reason.size());
  return -1;
}

}  // namespace

WebSockets::WebSockets(WebSocketLimits limits, api::HttpApplication& application, boost::asio::any_io_executor strand)
    : limits_(limits),
      application_(application),
      strand_(std::move(strand)),
      pings_(limits.ping, limits.hang_up, std::chrono::steady_clock::now()) {}
WebSockets::~WebSockets() = default;

Socket* WebSockets::Open(ExchangeId id, lws* connection, api::HttpRequest request, std::shared_ptr<Outbox> outbox) {
  auto socket = std::make_unique<Socket>();
  socket->id = id;
  socket->connection = connection;
  Hear(*socket);
  auto session = std::make_shared<Session>(id, std::move(outbox), socket->queued_bytes, limits_.queue_bytes);
  boost::asio::post(strand_,
                    [&application = application_, session = std::move(session), handler = socket->handler,
                     request = std::move(request)] { *handler = application.OpenWebSocket(request, session); });
  pings_.Add(id);
  return (sockets_[id] = std::move(socket)).get();
}

int WebSockets::TakeFragment(Socket& socket, const char* data, size_t size) {
  Hear(socket);
  if (socket.close) return 0;
  if (lws_frame_is_binary(socket.connection) != 0) return CloseNow(socket.connection, kUnsupportedData);
  if (socket.incoming.size() + size > limits_.message_bytes) return CloseNow(socket.connection, kTooBig);
  socket.incoming.append(data, size);
  const bool is_whole =
      lws_remaining_packet_payload(socket.connection) == 0 && lws_is_final_fragment(socket.connection) != 0;
  if (!is_whole) return 0;
  boost::asio::post(strand_, [handler = socket.handler, text = std::exchange(socket.incoming, {})] {
    if (*handler) (*handler)->OnMessage(text);
  });
  return 0;
}

void WebSockets::Hear(Socket& socket) const { socket.heard_at = std::chrono::steady_clock::now(); }

int WebSockets::Write(Socket& socket) {
  if (std::exchange(socket.wants_ping, false)) {
    // Not empty: the library says nothing to us of a pong without a payload.
    std::array<unsigned char, LWS_PRE + kPingText.size()> ping{};
    std::copy(kPingText.begin(), kPingText.end(), ping.begin() + LWS_PRE);
    if (lws_write(socket.connection, ping.data() + LWS_PRE, kPingText.size(), LWS_WRITE_PING) < 0) return -1;
  }
  // As much as the peer takes now: waiting for the library between two messages costs a turn of its loop each.
  while (!socket.outgoing.empty() && lws_send_pipe_choked(socket.connection) == 0) {
    const std::string text = std::move(socket.outgoing.front());
    socket.outgoing.pop_front();
    socket.queued_bytes->fetch_sub(text.size());
    std::vector<unsigned char> buffer(LWS_PRE + text.size());
    std::copy(text.begin(), text.end(), buffer.begin() + LWS_PRE);
    if (lws_write(socket.connection, buffer.data() + LWS_PRE, text.size(), LWS_WRITE_TEXT) <
        static_cast<int>(text.size())) {
      return -1;
    }
  }
  if (!socket.outgoing.empty()) {
    lws_callback_on_writable(socket.connection);
    return 0;
  }
  // The close frame overtakes nothing that the library still holds of the last message.
  if (socket.close && lws_send_pipe_choked(socket.connection) == 0) {
    return CloseNow(socket.connection, socket.close->code, socket.close->reason);
  }
  if (socket.close) lws_callback_on_writable(socket.connection);
  return 0;
}

void WebSockets::Forget(Socket& socket) {
  EndHandler(socket);
  sockets_.erase(socket.id);
}

void WebSockets::EndHandler(Socket& socket) {
  boost::asio::post(strand_, [handler = socket.handler] {
    if (*handler) (*handler)->OnClosed();
    handler->reset();
  });
}

void WebSockets::TakeOutgoing(Outgoing outgoing) {
  const auto it = sockets_.find(outgoing.id);
  if (it == sockets_.end()) return;
  Socket& socket = *it->second;
  if (socket.close) return;
  if (auto* message = std::get_if<SendMessage>(&outgoing.what)) {
    socket.outgoing.push_back(std::move(message->text));
  } else if (auto* close = std::get_if<CloseSocket>(&outgoing.what)) {
    // A reader that is too slow will not read its queue either.
    if (close->code == kTryAgainLater) socket.outgoing.clear();
    socket.close = std::move(*close);
  }
  lws_callback_on_writable(socket.connection);
}

void WebSockets::Turn(PingWheel::Time now) {
  const PingWheel::Due due = pings_.Advance(now, [this](ExchangeId id) -> std::optional<PingWheel::Time> {
    const auto it = sockets_.find(id);
    return it == sockets_.end() ? std::nullopt : std::optional(it->second->heard_at);
  });
  for (const ExchangeId id : due.to_ping) {
    Socket& socket = *sockets_.at(id);
    socket.wants_ping = true;
    lws_callback_on_writable(socket.connection);
  }
  // A silent peer will not answer a close frame either.
  for (const ExchangeId id : due.to_close) {
    lws* connection = sockets_.at(id)->connection;
    lws_set_timeout(connection, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
    lws_cancel_service(lws_get_context(connection));  // else it looks at its timeouts with the next event only
  }
}

void WebSockets::SayGoodbye() {
  for (auto& [id, socket] : sockets_) {
    if (!socket->close) socket->close = CloseSocket{kGoingAway, "server stops"};
    lws_callback_on_writable(socket->connection);
  }
}

void WebSockets::EndAll() {
  for (auto& [id, socket] : sockets_) EndHandler(*socket);
}

}  // namespace byon::http
