#include "controlplane/http/connection_table.h"

#include <utility>

#include "controlplane/auth/address_ranges.h"
#include "controlplane/http/request_reader.h"

namespace byon::http {

bool ConnectionTable::MayConnect(int socket) {
  if (connections_.size() >= config_.connections) return false;
  const std::string address = PeerAddress(socket);
  // A proxy's connections are many people's.
  if (config_.proxies.Trusts(address)) return true;
  if (OpenFrom(address) >= config_.connections_per_address) return false;
  return limiter_.TryTake(NetworkOf(address), RateLimiter::Clock::now());
}

std::string ConnectionTable::NetworkOf(const std::string& address) const {
  return auth::NetworkOf(address, config_.ipv6_prefix_length);
}

size_t ConnectionTable::OpenFrom(const std::string& address) const {
  const auto it = by_network_.find(NetworkOf(address));
  return it == by_network_.end() ? 0 : it->second;
}

Connection& ConnectionTable::Of(lws* connection) {
  const auto [it, is_new] = connections_.try_emplace(connection);
  if (is_new) {
    it->second.address = PeerAddress(lws_get_socket_fd(lws_get_network_wsi(connection)));
    it->second.network = NetworkOf(it->second.address);
    ++by_network_[it->second.network];
  }
  return it->second;
}

void ConnectionTable::AssignTo(const std::string& address, lws* connection) {
  std::string& known = Of(connection).network;
  std::string network = NetworkOf(address);
  if (known == network) return;
  Uncount(known);
  ++by_network_[network];
  known = std::move(network);
}

bool ConnectionTable::Forget(lws* connection) {
  const auto it = connections_.find(connection);
  if (it == connections_.end()) return false;
  Uncount(it->second.network);
  connections_.erase(it);
  return true;
}

void ConnectionTable::Uncount(const std::string& network) {
  const auto count = by_network_.find(network);
  if (--count->second == 0) by_network_.erase(count);
}

}  // namespace byon::http
