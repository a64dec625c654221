#include "controlplane/metrics/metrics_server.h"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace byon::metrics {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;

constexpr int kMaxConnections = 16;
constexpr size_t kMaxRequestBytes = 8192;
constexpr std::chrono::seconds kPatience{10};
constexpr std::chrono::milliseconds kPause{100};  // after a failed accept: no file descriptor is free
constexpr std::string_view kContentType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

std::string Answer(std::string_view status, std::string_view type, std::string_view body, std::string_view more = "") {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Type: " + std::string(type) +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\nCache-Control: no-store\r\n" + std::string(more) +
         "Connection: close\r\n\r\n" + std::string(body);
}

std::string Refusal(std::string_view status, std::string_view more = "") {
  return Answer(status, "text/plain", std::string(status) + "\n", more);
}

}  // namespace

class MetricsServer::Listener : public std::enable_shared_from_this<Listener> {
 public:
  Listener(asio::any_io_executor strand, const tcp::endpoint& at, Collect collect)
      : strand_(std::move(strand)), acceptor_(strand_, at), pause_(strand_), collect_(std::move(collect)) {}

  uint16_t port() const { return acceptor_.local_endpoint().port(); }

  void Accept() {
    acceptor_.async_accept(strand_, [self = shared_from_this()](const Error& error, tcp::socket socket) {
      if (!self->acceptor_.is_open()) return;
      if (error) return self->AcceptLater();
      if (self->open_ < kMaxConnections) std::make_shared<Connection>(self, std::move(socket))->Read();
      self->Accept();
    });
  }
  void Close() {
    Error ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    collect_ = nullptr;
  }

 private:
  // One request; lives as long as somebody waits for its next step.
  class Connection : public std::enable_shared_from_this<Connection> {
   public:
    Connection(std::shared_ptr<Listener> listener, tcp::socket socket)
        : listener_(std::move(listener)), socket_(std::move(socket)), timer_(listener_->strand_) {
      ++listener_->open_;
    }
    ~Connection() { --listener_->open_; }

    void Read() {
      timer_.expires_after(kPatience);
      timer_.async_wait([weak = weak_from_this()](const Error& error) {
        const auto self = weak.lock();
        if (error || !self) return;
        Error ignored;
        self->socket_.close(ignored);
      });
      asio::async_read_until(socket_, asio::dynamic_buffer(request_, kMaxRequestBytes), "\r\n\r\n",
                             [self = shared_from_this()](const Error& error, size_t) {
                               if (error == asio::error::not_found)
                                 return self->Write(Refusal("431 Request Header Fields Too Large"));
                               if (!error) self->Judge();
                             });
    }

   private:
    void Judge() {
      const std::string_view line = std::string_view(request_).substr(0, request_.find("\r\n"));
      const size_t first = line.find(' ');
      const size_t second = first == line.npos ? line.npos : line.find(' ', first + 1);
      if (second == line.npos || !line.substr(second + 1).starts_with("HTTP/1."))
        return Write(Refusal("400 Bad Request"));
      const std::string_view target = line.substr(first + 1, second - first - 1);
      const std::string_view method = line.substr(0, first);
      if (target.substr(0, target.find('?')) != "/metrics") return Write(Refusal("404 Not Found"));
      if (method != "GET" && method != "HEAD") return Write(Refusal("405 Method Not Allowed", "Allow: GET, HEAD\r\n"));
      if (!listener_->collect_) return;
      listener_->collect_([self = shared_from_this(), is_head = method == "HEAD"](const std::string& text) {
        std::string answer = Answer("200 OK", kContentType, text);
        if (is_head) answer.resize(answer.size() - text.size());
        self->Write(std::move(answer));
      });
    }
    void Write(std::string answer) {
      answer_ = std::move(answer);
      asio::async_write(socket_, asio::buffer(answer_), [self = shared_from_this()](const Error&, size_t) {
        Error ignored;
        self->socket_.shutdown(tcp::socket::shutdown_both, ignored);
        self->timer_.cancel();
      });
    }

    const std::shared_ptr<Listener> listener_;
    tcp::socket socket_;
    asio::steady_timer timer_;
    std::string request_;
    std::string answer_;
  };

  void AcceptLater() {
    pause_.expires_after(kPause);
    pause_.async_wait([self = shared_from_this()](const Error& error) {
      if (!error && self->acceptor_.is_open()) self->Accept();
    });
  }

  const asio::any_io_executor strand_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  Collect collect_;
  int open_ = 0;
};

MetricsServer::MetricsServer(asio::any_io_executor strand, const std::string& address, uint16_t port, Collect collect) {
  try {
    listener_ = std::make_shared<Listener>(std::move(strand), tcp::endpoint(asio::ip::make_address(address), port),
                                           std::move(collect));
  } catch (const boost::system::system_error& error) {
    throw std::runtime_error("metrics.listen " + address + ":" + std::to_string(port) + " cannot be used (" +
                             error.code().message() + "): the address must be this host's and the port free.");
  }
  listener_->Accept();
}
MetricsServer::~MetricsServer() { listener_->Close(); }
uint16_t MetricsServer::port() const { return listener_->port(); }

}  // namespace byon::metrics
