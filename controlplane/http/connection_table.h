#pragma once

#include <libwebsockets.h>

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

#include "controlplane/http/http_server.h"
#include "controlplane/http/rate_limiter.h"
#include "controlplane/http/request_line_guard.h"

namespace byon::http {

struct Connection {
  std::string address;                      // the peer's
  std::string network;                      // for whom it counts
  std::unique_ptr<RequestLineGuard> guard;  // null for WebSockets
};

// The open connections and how many there are of each network: who may open one more. A connection counts from its
// first moment on, also one that says nothing. The server's thread only.
class ConnectionTable {
 public:
  explicit ConnectionTable(const HttpServerConfig& config)
      : config_(config), limiter_(config.connections_per_second_per_address) {}

  // Whether the peer of this socket may connect.
  [[nodiscard]] bool MayConnect(int socket);
  // For whom the limits of an address hold.
  std::string NetworkOf(const std::string& address) const;
  // Connections of the network of this address.
  size_t OpenFrom(const std::string& address) const;
  // Made where it is not known yet.
  Connection& Of(lws* connection);
  // A WebSocket behind a proxy is its client's connection from here on.
  void AssignTo(const std::string& address, lws* connection);
  // Whether it was known.
  bool Forget(lws* connection);
  size_t size() const { return connections_.size(); }

 private:
  void Uncount(const std::string& network);

  const HttpServerConfig& config_;
  RateLimiter limiter_;
  std::unordered_map<lws*, Connection> connections_;
  std::unordered_map<std::string, size_t> by_network_;
};

}  // namespace byon::http
