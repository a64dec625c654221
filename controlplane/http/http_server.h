#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/api/http_application.h"
#include "controlplane/http/forwarding.h"
#include "controlplane/http/tls_certificates.h"

namespace byon::http {

// What browsers are told under a name of ours.
struct HttpSite {
  std::string public_url;                        // origin under which browsers reach us
  std::vector<std::string> cors_origins;         // foreign origins that may call us
  std::vector<std::string> csp_connect_sources;  // what our page may talk to beside us: identity providers
};

struct HttpServerConfig {
  std::string address = "127.0.0.1";  // IP literal without brackets
  uint16_t port = 0;                  // 0: any free one
  HttpSite site;                      // of all hosts that have none of their own
  struct HostSite {
    std::vector<std::string> hosts;  // lower case, with or without port
    HttpSite site;
  };
  std::vector<HostSite> host_sites;
  std::string web_dir;                   // empty: the files compiled in
  std::vector<TlsFiles> tls;             // the first for all names that no other has; none: in the clear
  std::chrono::seconds tls_refresh{10};  // files are looked at so often
  TlsCertificates::Report report = [](bool, const std::string&) {};  // from any thread
  // Limits per address hold for whom these name. Their own connections are bounded by `connections` alone.
  ProxyTrust proxies;
  // WebSocket subprotocols that are served; a client must offer one of them.
  std::vector<std::string> subprotocols{"byon.events.v1"};

  size_t header_bytes = 16384;
  size_t body_bytes = 131072;
  // Of bodies in memory at a time, until their requests are answered or given up.
  size_t bodies_bytes = 64 << 20;
  size_t bodies_bytes_per_address = 4 << 20;
  size_t connections = 4000;
  // An address is a network of IPv6: so many bits of it.
  unsigned ipv6_prefix_length = 64;
  size_t connections_per_address = 200;
  unsigned connections_per_second_per_address = 100;
  unsigned requests_per_second_per_address = 200;
  std::chrono::seconds header_timeout{10};
  std::chrono::seconds body_timeout{30};
  std::chrono::seconds idle_timeout{60};
  std::chrono::seconds ping{20};  // WebSocket
  std::chrono::seconds hang_up{
      45};  // of silence, answers to pings included; two pings and a second where that is longer
  size_t websocket_message_bytes = 65536;
  size_t websocket_queue_bytes = 1048576;
};

// Since the start, but for the first two.
struct HttpFigures {
  uint64_t connections = 0;  // open now, WebSockets included
  uint64_t web_sockets = 0;  // open now
  uint64_t requests = 0;
  uint64_t rate_limited = 0;         // requests and WebSockets over the limits of an address
  uint64_t refused_connections = 0;  // over the limits of connections
  uint64_t refused_bodies = 0;       // for want of room
  std::vector<TlsCertificateFigures> certificates;
};

// HTTP/1.1 and WebSocket server on a thread of its own. The application is called on `strand` only and
// must outlive the server.
class HttpServer {
 public:
  // Listens at once; throws std::runtime_error with one sentence when it cannot.
  HttpServer(HttpServerConfig config, api::HttpApplication& application, boost::asio::any_io_executor strand);
  // Stop(), then waits for the thread.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // The port that is really listened on.
  uint16_t port() const;
  // From any thread.
  HttpFigures figures() const;
  // Closes everything; open WebSockets get 1001. Safe to repeat.
  void Stop();

 private:
  class Service;
  std::unique_ptr<Service> service_;
};

}  // namespace byon::http
