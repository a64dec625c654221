#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "controlplane/api/http_application.h"
#include "controlplane/http/outbox.h"
#include "controlplane/http/ping_wheel.h"

struct lws;

namespace byon::http {

// One WebSocket on the server's thread.
struct Socket {
  ExchangeId id = 0;
  lws* connection = nullptr;
  std::string incoming;
  std::list<std::string> outgoing;  // mostly empty: a deque has 600 bytes for nothing
  std::optional<CloseSocket> close;
  PingWheel::Time heard_at;
  bool wants_ping = false;
  std::shared_ptr<std::atomic<size_t>> queued_bytes = std::make_shared<std::atomic<size_t>>(0);
  // Belongs to the strand; only passed along here.
  std::shared_ptr<std::unique_ptr<api::WebSocketHandler>> handler =
      std::make_shared<std::unique_ptr<api::WebSocketHandler>>();
};

struct WebSocketLimits {
  size_t message_bytes = 65536;
  size_t queue_bytes = 1048576;
  std::chrono::seconds ping{20};
  std::chrono::seconds hang_up{45};
};

// All WebSockets of a server, on its thread: whole messages go to the application's strand, what it sends waits
// here until the peer takes it, and silent peers are pinged and given up. What returns int returns what the library
// expects of a callback: -1 closes the connection.
class WebSockets {
 public:
  WebSockets(WebSocketLimits limits, api::HttpApplication& application, boost::asio::any_io_executor strand);
  ~WebSockets();

  // `outbox` takes what the application sends, from any thread; TakeOutgoing() gets it back here.
  Socket* Open(ExchangeId id, lws* connection, api::HttpRequest request, std::shared_ptr<Outbox> outbox);
  [[nodiscard]] int TakeFragment(Socket& socket, const char* data, size_t size);
  void Hear(Socket& socket) const;
  [[nodiscard]] int Write(Socket& socket);
  void Forget(Socket& socket);

  void TakeOutgoing(Outgoing outgoing);
  // Pings and closes what is due; once a second.
  void Turn(PingWheel::Time now);
  // Closes all, with a word.
  void SayGoodbye();
  // The application hears that they have ended; nothing can be written any more.
  void EndAll();
  size_t size() const { return sockets_.size(); }

 private:
  void EndHandler(Socket& socket);

  const WebSocketLimits limits_;
  api::HttpApplication& application_;
  const boost::asio::any_io_executor strand_;
  PingWheel pings_;
  std::unordered_map<ExchangeId, std::unique_ptr<Socket>> sockets_;
};

}  // namespace byon::http
