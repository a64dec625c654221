#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace byon::api {

// One HTTP request, already bounded and checked for its framing by the server.
struct HttpRequest {
  std::string method;
  std::string path;                            // percent-encoded
  std::string query;                           // without '?', percent-encoded
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  std::string remote_address;
  std::string subprotocol;  // of a WebSocket: the one agreed on

  const std::string* Header(const std::string& lower_case_name) const {
    const auto it = headers.find(lower_case_name);
    return it == headers.end() ? nullptr : &it->second;
  }
};

struct HttpResponse {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  // Content-Length is the server's business
  std::string body;
};
using Respond = std::function<void(HttpResponse)>;

// The server's half of a WebSocket. Any thread; calls after the end do nothing.
class WebSocketSession {
 public:
  virtual ~WebSocketSession() = default;
  // Queues one text message; a reader too slow for its queue is closed with 1013.
  virtual void Send(std::string text) = 0;
  virtual void Close(uint16_t code, std::string reason) = 0;
};

// The application's half, called on the application's strand.
class WebSocketHandler {
 public:
  virtual ~WebSocketHandler() = default;
  virtual void OnMessage(std::string text) = 0;
  virtual void OnClosed() = 0;  // once, last
};

// What a server serves. Called on the application's strand.
class HttpApplication {
 public:
  virtual ~HttpApplication() = default;
  // `respond` is called exactly once, on the strand, now or later.
  virtual void HandleRequest(HttpRequest request, Respond respond) = 0;
  // A WebSocket was opened at this path.
  virtual std::unique_ptr<WebSocketHandler> OpenWebSocket(const HttpRequest& request,
                                                          std::shared_ptr<WebSocketSession> session) = 0;
};

}  // namespace byon::api
