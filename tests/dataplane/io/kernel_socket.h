#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/net/socket_address.h"

namespace byon::io {

// A peer made of a plain kernel socket on loopback. Loopback delivers within the sending call, so
// nothing here waits.
class KernelSocket {
 public:
  explicit KernelSocket(const net::IpAddress& ip);  // any free port
  ~KernelSocket();
  KernelSocket(const KernelSocket&) = delete;
  KernelSocket& operator=(const KernelSocket&) = delete;

  const net::SocketAddress& local() const { return local_; }
  void SendTo(const net::SocketAddress& destination, std::string_view payload);
  struct Received {
    std::string payload;
    net::SocketAddress source;
    int dscp = -1;
  };
  // What has arrived by now.
  std::optional<Received> Receive();

 private:
  int fd_ = -1;
  net::SocketAddress local_;
};

}  // namespace byon::io
