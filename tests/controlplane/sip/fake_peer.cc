#include "tests/controlplane/sip/fake_peer.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <strings.h>
#include <array>
#include <cstdlib>

namespace byon::sip::test {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr std::chrono::seconds kDeadline(20);

// An IPv4 or IPv6 address, the latter in brackets as URIs have it.
struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  uint16_t port() const {
    return ntohs(storage.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port
                                               : reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
  }
};

Address SocketAddress(const std::string& address, uint16_t port) {
  Address result;
  if (address.starts_with("[")) {
    auto* in = reinterpret_cast<sockaddr_in6*>(&result.storage);
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(port);
    EXPECT_EQ(inet_pton(AF_INET6, address.substr(1, address.size() - 2).c_str(), &in->sin6_addr), 1);
    result.length = sizeof *in;
  } else {
    auto* in = reinterpret_cast<sockaddr_in*>(&result.storage);
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    EXPECT_EQ(inet_pton(AF_INET, address.c_str(), &in->sin_addr), 1);
    result.length = sizeof *in;
  }
  return result;
}

// A bound socket of the address's family, and its port.
int Bind(const std::string& address, int type, uint16_t& port) {
  Address local = SocketAddress(address, port);
  const int bound = socket(local.storage.ss_family, type, 0);
  EXPECT_EQ(bind(bound, local.get(), local.length), 0);
  getsockname(bound, local.get(), &local.length);
  port = local.port();
  return bound;
}

}  // namespace

SipText::SipText(const std::string& wire) : wire_(wire) {
  const size_t end = wire.find("\r\n\r\n");
  const std::string head = wire.substr(0, end);
  if (end != std::string::npos) body_ = wire.substr(end + 4);
  size_t position = head.find("\r\n");
  start_line_ = head.substr(0, position);
  while (position != std::string::npos) {
    position += 2;
    const size_t next = head.find("\r\n", position);
    const std::string line = head.substr(position, next == std::string::npos ? next : next - position);
    const size_t colon = line.find(':');
    if (colon != std::string::npos) {
      size_t value = colon + 1;
      while (value < line.size() && line[value] == ' ') ++value;
      headers_.emplace_back(line.substr(0, colon), line.substr(value));
    }
    position = next;
  }
}

std::string SipText::method() const {
  if (is_request()) return start_line_.substr(0, start_line_.find(' '));
  const std::string cseq = Get("CSeq");
  return cseq.substr(cseq.find(' ') + 1);
}

int SipText::status() const { return is_request() ? 0 : std::atoi(start_line_.c_str() + 8); }

std::string SipText::request_uri() const {
  const size_t start = start_line_.find(' ') + 1;
  return start_line_.substr(start, start_line_.rfind(' ') - start);
}

std::string SipText::Get(const std::string& name) const {
  for (const auto& [key, value] : headers_) {
    if (strcasecmp(key.c_str(), name.c_str()) == 0) return value;
  }
  return {};
}

std::vector<std::string> SipText::All(const std::string& name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : headers_) {
    if (strcasecmp(key.c_str(), name.c_str()) == 0) values.push_back(value);
  }
  return values;
}

std::string SipText::Tag(const std::string& header) const {
  const std::string value = Get(header);
  const size_t tag = value.find(";tag=");
  return tag == std::string::npos ? "" : value.substr(tag + 5, value.find(';', tag + 5) - tag - 5);
}

FakePeer::FakePeer(const std::string& address, uint16_t port)
    : address_(address), port_(port), socket_(Bind(address, SOCK_DGRAM, port_)) {}

FakePeer::~FakePeer() { close(socket_); }

void FakePeer::SendTo(const std::string& address, uint16_t port, const std::string& wire) {
  Address target = SocketAddress(address, port);
  sendto(socket_, wire.data(), wire.size(), 0, target.get(), target.length);
}

std::optional<SipText> FakePeer::ReceiveUntil(steady_clock::time_point deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
  pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
  if (left.count() < 0 || poll(&waiting, 1, static_cast<int>(left.count())) <= 0) return std::nullopt;
  std::array<char, 65536> buffer;
  const ssize_t size = recv(socket_, buffer.data(), buffer.size(), 0);
  if (size <= 0) return SipText();
  return SipText(std::string(buffer.data(), static_cast<size_t>(size)));
}

SipText FakePeer::Expect(const std::function<bool(const SipText&)>& wanted, const std::string& what) {
  const auto deadline = steady_clock::now() + kDeadline;
  std::string seen;
  while (auto message = ReceiveUntil(deadline)) {
    if (wanted(*message)) return *message;
    seen += message->start_line() + "; ";
  }
  ADD_FAILURE() << "no " << what << " within the deadline, but: " << seen;
  return SipText();
}

SipText FakePeer::ExpectRequest(const std::string& method) {
  return Expect([&](const SipText& m) { return m.is_request() && m.method() == method; }, method);
}

SipText FakePeer::ExpectStatus(int status, const std::string& method) {
  return Expect([&](const SipText& m) { return m.status() == status && m.method() == method; },
                std::to_string(status) + " to " + method);
}

bool FakePeer::IsQuiet(milliseconds time, const std::function<bool(const SipText&)>& unwanted) {
  const auto deadline = steady_clock::now() + time;
  while (auto message = ReceiveUntil(deadline)) {
    if (unwanted(*message)) return false;
  }
  return true;
}

std::string ResponseTo(const SipText& request, const std::string& status_line, const std::string& to_tag,
                       const std::string& headers, const std::string& body) {
  std::string wire = "SIP/2.0 " + status_line + "\r\n";
  for (const std::string& via : request.All("Via")) wire += "Via: " + via + "\r\n";
  wire += "From: " + request.Get("From") + "\r\n";
  std::string to = request.Get("To");
  if (!to_tag.empty() && to.find(";tag=") == std::string::npos) to += ";tag=" + to_tag;
  wire +=
      "To: " + to + "\r\nCall-ID: " + request.Get("Call-ID") + "\r\nCSeq: " + request.Get("CSeq") + "\r\n" + headers;
  if (!body.empty() && headers.find("Content-Type") == std::string::npos) {
    wire += "Content-Type: application/sdp\r\n";
  }
  return wire + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

void FakePeer::Reply(const SipText& request, const std::string& status_line, const std::string& to_tag,
                     const std::string& headers, const std::string& body) {
  // By the Via of the request, as a server does; all stacks of the tests name their own address.
  const std::string via = request.Get("Via");
  const size_t host = via.find(' ') + 1;
  const std::string hostport = via.substr(host, via.find(';') - host);
  const size_t colon = hostport.rfind(':');
  SendTo(hostport.substr(0, colon), static_cast<uint16_t>(std::atoi(hostport.c_str() + colon + 1)),
         ResponseTo(request, status_line, to_tag, headers, body));
}

FakeTcpPeer::FakeTcpPeer(const std::string& address) : address_(address), listener_(Bind(address, SOCK_STREAM, port_)) {
  EXPECT_EQ(listen(listener_, 4), 0);
}

FakeTcpPeer::~FakeTcpPeer() {
  close(listener_);
  if (connection_ >= 0) close(connection_);
}

void FakeTcpPeer::Send(const std::string& wire) { EXPECT_TRUE(TrySend(wire)); }

ssize_t FakeTcpPeer::Read(char* buffer, size_t size) { return recv(connection_, buffer, size, 0); }

ssize_t FakeTcpPeer::Write(const std::string& wire) {
  return send(connection_, wire.data(), wire.size(), MSG_NOSIGNAL);
}

void FakeTcpPeer::Hangup() {
  Close();
  close(connection_);
  connection_ = -1;
  received_.clear();
}

bool FakeTcpPeer::Fill(steady_clock::time_point deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
  pollfd waiting{.fd = connection_ < 0 ? listener_ : connection_, .events = POLLIN, .revents = 0};
  if (left.count() < 0 || poll(&waiting, 1, static_cast<int>(left.count())) <= 0) return false;
  if (connection_ < 0) {
    connection_ = accept(listener_, nullptr, nullptr);
    return connection_ >= 0 && Open(connection_);
  }
  std::array<char, 65536> buffer;
  const ssize_t size = Read(buffer.data(), buffer.size());
  if (size <= 0) return false;
  received_.append(buffer.data(), static_cast<size_t>(size));
  return true;
}

SipText FakeTcpPeer::Expect(const std::function<bool(const SipText&)>& wanted, const std::string& what) {
  const auto deadline = steady_clock::now() + kDeadline;
  while (true) {
    const size_t start = received_.find_first_not_of("\r\n");
    received_.erase(0, start);  // keep-alives
    const size_t head = received_.find("\r\n\r\n");
    if (head != std::string::npos) {
      const SipText headers(received_.substr(0, head + 4));
      const size_t size = head + 4 + static_cast<size_t>(std::atoi(headers.Get("Content-Length").c_str()));
      if (received_.size() >= size) {
        const SipText message(received_.substr(0, size));
        received_.erase(0, size);
        if (wanted(message)) return message;
        continue;
      }
    }
    if (!Fill(deadline)) {
      ADD_FAILURE() << "no " << what << " within the deadline";
      return SipText();
    }
  }
}

SipText FakeTcpPeer::ExpectRequest(const std::string& method) {
  return Expect([&](const SipText& m) { return m.is_request() && m.method() == method; }, method);
}

std::string FreshBranch() {
  static int counter = 0;
  return "z9hG4bKtest" + std::to_string(getpid()) + "x" + std::to_string(++counter);
}

std::string Wire(const FakePeer& peer, const PeerRequest& request) {
  std::string wire = request.method + " " + request.uri + " SIP/2.0\r\nVia: SIP/2.0/UDP " + peer.address() + ":" +
                     std::to_string(peer.port()) +
                     ";branch=" + (request.branch.empty() ? FreshBranch() : request.branch) + "\r\n";
  if (request.headers.find("Max-Forwards:") == std::string::npos) wire += "Max-Forwards: 68\r\n";
  wire += "From: " + request.from + "\r\nTo: " + request.to + "\r\nCall-ID: " + request.call_id +
          "\r\nCSeq: " + std::to_string(request.cseq) + " " + request.method + "\r\n" + request.headers;
  if (!request.body.empty() && request.headers.find("Content-Type") == std::string::npos) {
    wire += "Content-Type: application/sdp\r\n";
  }
  return wire + "Content-Length: " + std::to_string(request.body.size()) + "\r\n\r\n" + request.body;
}

}  // namespace byon::sip::test
