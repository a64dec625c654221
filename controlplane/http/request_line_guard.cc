#include "controlplane/http/request_line_guard.h"

#include <ev.h>
#include <libwebsockets.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

namespace byon::http {
namespace {

// A longer line is too long for the library too.
constexpr size_t kPeekBytes = 16'384;
constexpr int kLingerSeconds = 2;
constexpr int kBeforeTheLibrary = 1;  // priority of its own is 0
constexpr std::string_view kRefusal =
    "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: 111\r\nconnection: close\r\n"
    "cache-control: no-store\r\nx-content-type-options: nosniff\r\nreferrer-policy: no-referrer\r\nx-frame-options: "
    "DENY\r\n"
    "content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n\r\n"
    "{\"status\":400,\"code\":\"INVALID_ARGUMENT\",\"message\":\"The path or query has a control character or a bad "
    "escape.\"}";
static_assert(kRefusal.size() - kRefusal.rfind("{\"status\"") == 111);

// The connection's own TLS; null before its handshake is over.
SSL* TlsOf(lws* connection) {
  SSL* ssl = lws_get_ssl(connection);
  return ssl != nullptr && SSL_is_init_finished(ssl) == 1 ? ssl : nullptr;
}

// A socket wakes nobody before it has so many bytes, or has ended.
void WakeAt(int socket, int bytes) { setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes); }

}  // namespace

RequestLineGuard::RequestLineGuard(struct ev_loop* loop, lws* connection, bool has_tls)
    : loop_(loop), connection_(connection), has_tls_(has_tls), readable_(std::make_unique<ev_io>()) {
  ev_io_init(
      readable_.get(),
      [](struct ev_loop*, ev_io* watcher, int) { static_cast<RequestLineGuard*>(watcher->data)->LookAtWhatCame(); },
      lws_get_socket_fd(connection), EV_READ);
  ev_set_priority(readable_.get(), kBeforeTheLibrary);
  readable_->data = this;
  ev_io_start(loop_, readable_.get());
}

RequestLineGuard::~RequestLineGuard() { Pause(); }

void RequestLineGuard::Pause() { ev_io_stop(loop_, readable_.get()); }

void RequestLineGuard::Resume() {
  target_ = {};
  ev_io_start(loop_, readable_.get());
}

void RequestLineGuard::LookAtWhatCame() {
  if (is_refused_) return DropWhatCame();
  std::array<char, kPeekBytes> bytes;
  const int size = Peek(bytes);
  if (size == 0) return;
  if (size < 0) return LeaveToTheLibrary();
  // The library reads a record of TLS as it was seen here; what came without TLS lies there still.
  if (!has_tls_) target_ = {};
  switch (target_.Take({bytes.data(), static_cast<size_t>(size)})) {
    case RequestTarget::Verdict::kGood: return LeaveToTheLibrary();
    case RequestTarget::Verdict::kBad: return Refuse();
    case RequestTarget::Verdict::kMore:
      if (!has_tls_) WaitForMoreThan(size);
      return;
  }
}

void RequestLineGuard::WaitForMoreThan(int size) {
  const bool is_all = size == seen_bytes_ || size == static_cast<int>(kPeekBytes);
  if (is_all) return LeaveToTheLibrary();
  seen_bytes_ = size;
  WakeAt(lws_get_socket_fd(connection_), size + 1);
  HoldTheLibrary();
}

void RequestLineGuard::HoldTheLibrary() {
  is_library_held_ = true;
  lws_rx_flow_control(connection_, 0);
}

void RequestLineGuard::LeaveToTheLibrary() {
  Pause();
  if (std::exchange(seen_bytes_, 0) > 0) WakeAt(lws_get_socket_fd(connection_), 1);
  if (std::exchange(is_library_held_, false)) lws_rx_flow_control(connection_, 1);
}

int RequestLineGuard::Peek(std::span<char> bytes) const {
  if (!has_tls_) {
    const ssize_t size = recv(lws_get_socket_fd(connection_), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
    if (size > 0) return static_cast<int>(size);
    return size < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
  }
  SSL* ssl = TlsOf(connection_);
  if (ssl == nullptr) return 0;
  const int size = SSL_peek(ssl, bytes.data(), static_cast<int>(bytes.size()));
  if (size > 0) return size;
  const bool is_waiting = SSL_get_error(ssl, size) == SSL_ERROR_WANT_READ;
  ERR_clear_error();  // the library would take it for its own
  return is_waiting ? 0 : -1;
}

void RequestLineGuard::Refuse() {
  const int socket = lws_get_socket_fd(connection_);
  if (SSL* ssl = has_tls_ ? TlsOf(connection_) : nullptr) {
    SSL_write(ssl, kRefusal.data(), static_cast<int>(kRefusal.size()));
    SSL_shutdown(ssl);
    ERR_clear_error();
  } else if (send(socket, kRefusal.data(), kRefusal.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    errno = 0;  // a reader that has no room for one answer has none for its refusal
  }
  shutdown(socket, SHUT_WR);
  WakeAt(socket, 1);
  HoldTheLibrary();
  lws_set_timeout(connection_, PENDING_TIMEOUT_CLOSE_ACK, kLingerSeconds);
  is_refused_ = true;
}

void RequestLineGuard::DropWhatCame() {
  std::array<char, kPeekBytes> rest;
  const ssize_t size = recv(lws_get_socket_fd(connection_), rest.data(), rest.size(), MSG_DONTWAIT);
  const bool is_over = size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR);
  if (is_over) LeaveToTheLibrary();  // which finds the end, and closes
}

}  // namespace byon::http
