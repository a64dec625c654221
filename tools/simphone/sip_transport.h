#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "tools/simphone/event_loop.h"
#include "tools/simphone/sip_message.h"

namespace byon::simphone {

// Where a message goes to or came from. `connection` is the TCP descriptor it came by, -1 for UDP.
struct SipEndpoint {
  std::string ip;
  uint16_t port = 5060;
  int connection = -1;
};

// SIP over UDP, and over TCP for messages too long for UDP (RFC 3261 section 18.1.1).
class SipTransport {
 public:
  using MessageHandler = std::function<void(const SipMessage&, const SipEndpoint& source)>;

  // Binds UDP and listens on TCP at the same address and port. Throws std::runtime_error with the
  // address when that fails.
  SipTransport(EventLoop& loop, std::string local_ip, uint16_t local_port, MessageHandler handler);
  ~SipTransport();
  SipTransport(const SipTransport&) = delete;
  SipTransport& operator=(const SipTransport&) = delete;

  // True when a request of this size has to go over TCP.
  static bool NeedsTcp(size_t message_bytes) { return message_bytes > 1300; }

  // Writes every message to standard error, for a person who looks for a fault.
  void Trace(bool is_on) { is_traced_ = is_on; }

  void SendUdp(const std::string& wire, const SipEndpoint& to);
  void SendTcp(const std::string& wire, const SipEndpoint& to);

  const std::string& local_ip() const { return local_ip_; }
  uint16_t local_port() const { return local_port_; }
  // ip:port as it stands in a URI or Via.
  std::string HostPort() const;

 private:
  struct Connection {
    std::string ip;
    uint16_t port = 0;
    std::string received;
  };
  void Show(const char* way, std::string_view wire, const SipEndpoint& peer) const;
  void OpenSockets();
  void ReadUdp();
  void AcceptTcp();
  void ReadTcp(int fd);
  void CloseTcp(int fd);
  int ConnectTcp(const SipEndpoint& to);
  // Takes whole messages off the front of the stream, framed by Content-Length.
  void TakeMessages(int fd);

  EventLoop& loop_;
  std::string local_ip_;
  uint16_t local_port_;
  MessageHandler handler_;
  bool is_traced_ = false;
  int udp_ = -1;
  int listener_ = -1;
  std::map<int, Connection> connections_;
};

}  // namespace byon::simphone
