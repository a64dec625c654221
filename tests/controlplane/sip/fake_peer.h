#pragma once

#include <netinet/in.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace byon::sip::test {

// A SIP message as text, taken apart just enough for a scripted peer.
class SipText {
 public:
  SipText() = default;
  explicit SipText(const std::string& wire);

  const std::string& start_line() const { return start_line_; }
  const std::string& body() const { return body_; }
  bool is_request() const { return !start_line_.starts_with("SIP/2.0"); }
  std::string method() const;  // of the request, or of CSeq
  int status() const;
  std::string request_uri() const;
  // First value, and all values, of a header; empty when absent.
  std::string Get(const std::string& name) const;
  std::vector<std::string> All(const std::string& name) const;
  std::string Tag(const std::string& header) const;  // ;tag= of From or To
  const std::string& wire() const { return wire_; }

 private:
  std::string wire_;
  std::string start_line_;
  std::vector<std::pair<std::string, std::string>> headers_;
  std::string body_;
};

// A response to this request.
std::string ResponseTo(const SipText& request, const std::string& status_line, const std::string& to_tag,
                       const std::string& headers = "", const std::string& body = "");

// A P-CSCF of the test: one UDP socket and text.
class FakePeer {
 public:
  explicit FakePeer(const std::string& address, uint16_t port = 0);
  ~FakePeer();
  FakePeer(const FakePeer&) = delete;

  const std::string& address() const { return address_; }
  uint16_t port() const { return port_; }
  std::string uri() const { return "sip:" + address_ + ":" + std::to_string(port_); }

  void SendTo(const std::string& address, uint16_t port, const std::string& wire);
  // The next message for which `wanted` holds; others are dropped. Fails the test after the deadline.
  SipText Expect(const std::function<bool(const SipText&)>& wanted, const std::string& what);
  SipText ExpectRequest(const std::string& method);
  SipText ExpectStatus(int status, const std::string& method);
  // True when nothing like it comes within this time.
  bool IsQuiet(std::chrono::milliseconds time, const std::function<bool(const SipText&)>& unwanted);

  // A response to a request of the stack, sent where the request came from.
  void Reply(const SipText& request, const std::string& status_line, const std::string& to_tag,
             const std::string& headers = "", const std::string& body = "");

 private:
  std::optional<SipText> ReceiveUntil(std::chrono::steady_clock::time_point deadline);

  std::string address_;
  uint16_t port_;
  int socket_;
};

// The same over TCP: listens, takes one connection of the stack and speaks both ways on it.
class FakeTcpPeer {
 public:
  explicit FakeTcpPeer(const std::string& address);
  virtual ~FakeTcpPeer();
  FakeTcpPeer(const FakeTcpPeer&) = delete;

  std::string uri() const { return "sip:" + address_ + ":" + std::to_string(port_); }
  std::string via() const { return "Via: SIP/2.0/TCP " + address_ + ":" + std::to_string(port_); }
  void Send(const std::string& wire);
  // False when the other side has closed already.
  bool TrySend(const std::string& wire) { return Write(wire) == static_cast<ssize_t>(wire.size()); }
  // The next message that is wanted; others are dropped. Fails the test after the deadline.
  SipText Expect(const std::function<bool(const SipText&)>& wanted, const std::string& what);
  SipText ExpectRequest(const std::string& method);
  // Ends the connection; the next one is taken then.
  void Hangup();

 protected:
  // What TLS does otherwise. Accept: false when nothing can be said on the new connection.
  virtual bool Open(int) { return true; }
  virtual ssize_t Read(char* buffer, size_t size);
  virtual ssize_t Write(const std::string& wire);
  virtual void Close() {}

  bool Fill(std::chrono::steady_clock::time_point deadline);

  std::string address_;
  uint16_t port_ = 0;
  int listener_;
  int connection_ = -1;
  std::string received_;
};

// What a caller at the peer's side says: request lines of its own.
struct PeerRequest {
  std::string method;
  std::string uri;
  std::string from;  // with tag
  std::string to;    // with tag when in a dialog
  std::string call_id;
  uint32_t cseq = 1;
  std::string headers;  // further lines
  std::string body;
  std::string branch;  // empty: a fresh one
};
std::string Wire(const FakePeer& peer, const PeerRequest& request);
std::string FreshBranch();

}  // namespace byon::sip::test
