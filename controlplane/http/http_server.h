#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/api/http_application.h"
#include "controlplane/http/http_rules.h"
#include "controlplane/http/static_files.h"

namespace byon::http {

struct HttpServerConfig {
  std::string address = "127.0.0.1";  // IP literal
  uint16_t port = 0;                  // 0: any free one
  std::string certificate_file;       // empty: plain HTTP
  std::string private_key_file;
  OriginPolicy origins;
  std::vector<std::string> connect_sources;  // of the page: WebSocket and identity provider
  std::string websocket_prefix = "/byon/v1/channels/";
  std::string websocket_protocol = "byon.events.v1";

  size_t max_header_bytes = 16384;
  size_t max_body_bytes = 131072;
  size_t max_connections = 4000;
  size_t max_connections_per_address = 200;
  double requests_per_second_per_address = 200;
  std::chrono::seconds header_timeout{10};
  std::chrono::seconds body_timeout{30};
  std::chrono::seconds idle_timeout{60};
  std::chrono::seconds answer_timeout{120};  // for the application
  std::chrono::seconds websocket_ping{20};
  std::chrono::seconds websocket_hangup{45};  // without a sign of life
  size_t max_message_bytes = 65536;
  size_t max_queue_bytes = 1 << 20;
};

struct HttpServerStats {
  uint64_t connections_refused = 0;
  uint64_t requests = 0;
  uint64_t requests_refused = 0;  // by framing, size or rate, before the application
  uint64_t websockets_opened = 0;
  uint64_t slow_readers_closed = 0;
  size_t connections = 0;
};

// Serves an HttpApplication and static files over HTTP/1.1 and WebSocket.
class HttpServer {
 public:
  virtual ~HttpServer() = default;
  virtual uint16_t port() const = 0;
  virtual HttpServerStats stats() const = 0;
  // Closes every connection (WebSockets with 1001) and ends the thread. Called by the destructor.
  virtual void Stop() = 0;
};

// Starts the server on a thread of its own; the application is called on `strand`. It and the files outlive the
// server. Throws std::runtime_error with one sentence when it cannot listen or load its certificate.
std::unique_ptr<HttpServer> StartHttpServer(HttpServerConfig config, StaticFiles files,
                                            api::HttpApplication& application,
                                            boost::asio::any_io_executor strand);

}  // namespace byon::http
