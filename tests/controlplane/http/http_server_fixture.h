#pragma once

#include <gtest/gtest.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "controlplane/http/http_server.h"

namespace byon::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
using tcp = asio::ip::tcp;

// More than any kernel buffers for one connection.
inline constexpr size_t kHugeBytes = 32'000'000;

// Says back what it was asked; a WebSocket echoes, and ends when told.
class EchoApplication final : public api::HttpApplication {
 public:
  void HandleRequest(api::HttpRequest request, api::Respond respond) override {
    api::HttpResponse response;
    if (request.path == "/hold") {
      const std::lock_guard lock(mutex_);
      held_.push_back(std::move(respond));
      changed_.notify_all();
      return;
    }
    if (request.path == "/empty") {
      response.status = 204;
    } else if (request.path == "/large") {
      response.body.assign(300'000, 'x');
    } else if (request.path == "/huge") {
      response.body.assign(kHugeBytes, 'x');
    } else {
      const std::string* correlator = request.Header("x-correlator");
      response.headers = {{"content-type", "text/plain"}, {"x-correlator", correlator ? *correlator : ""}};
      response.body = request.method + " " + request.path + "?" + request.query + " " + request.body;
    }
    respond(std::move(response));
  }
  std::unique_ptr<api::WebSocketHandler> OpenWebSocket(const api::HttpRequest& request,
                                                       std::shared_ptr<api::WebSocketSession> session) override {
    session->Send("hello " + request.path);
    return std::make_unique<Echo>(*this, std::move(session));
  }

  // Waits until so many requests for /hold are here.
  bool WaitForHeld(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return held_.size() >= count; });
  }
  // Answers them. On the strand.
  void AnswerHeld() {
    const std::lock_guard lock(mutex_);
    for (const api::Respond& respond : held_) respond({200, {}, "held"});
    held_.clear();
  }

  // Waits until `count` WebSockets have been closed.
  bool WaitForClosed(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return closed_ >= count; });
  }

 private:
  class Echo final : public api::WebSocketHandler {
   public:
    Echo(EchoApplication& application, std::shared_ptr<api::WebSocketSession> session)
        : application_(application), session_(std::move(session)) {}
    void OnMessage(std::string text) override {
      if (text == "flood") {
        for (int i = 0; i < 64; ++i) session_->Send(std::string(65'536, 'y'));
      } else if (text == "end") {
        session_->Send("bye");
        session_->Close(4401, "token expired");
      } else {
        session_->Send("echo " + text);
      }
    }
    void OnClosed() override {
      const std::lock_guard lock(application_.mutex_);
      ++application_.closed_;
      application_.changed_.notify_all();
    }

   private:
    EchoApplication& application_;
    std::shared_ptr<api::WebSocketSession> session_;
  };

  std::mutex mutex_;
  std::condition_variable changed_;
  int closed_ = 0;
  std::vector<api::Respond> held_;
};

class HttpServerTest : public testing::Test {
 protected:
  static HttpServerConfig Config() {
    HttpServerConfig config;
    config.site = {"http://gw.example", {"https://app.example"}, {"https://id.example"}};
    config.host_sites = {{{"north.example"}, {"http://north.example", {"https://app.north"}, {"https://id.north"}}}};
    config.body_bytes = 4096;
    config.websocket_message_bytes = 1024;
    return config;
  }

  void SetUp() override {
    server_ = std::make_unique<HttpServer>(Config(), application_, strand_.get_executor());
    runner_ = std::thread([this] { strand_.run(); });
    port_ = server_->port();
    ASSERT_NE(port_, 0);
  }
  void Restart(const HttpServerConfig& config) {
    server_.reset();
    server_ = std::make_unique<HttpServer>(config, application_, strand_.get_executor());
    port_ = server_->port();
  }
  void TearDown() override {
    server_.reset();
    work_.reset();
    runner_.join();
  }

  tcp::socket Connect() {
    tcp::socket socket(client_);
    socket.connect({asio::ip::make_address("127.0.0.1"), port_});
    return socket;
  }
  // Sends raw bytes and reads one answer.
  beast::http::response<beast::http::string_body> Exchange(tcp::socket& socket, const std::string& request) {
    asio::write(socket, asio::buffer(request));
    beast::flat_buffer buffer;
    beast::http::response_parser<beast::http::string_body> parser;
    parser.body_limit(1'000'000);
    if (request.starts_with("HEAD")) parser.skip(true);
    beast::http::read(socket, buffer, parser);
    return parser.release();
  }
  beast::http::response<beast::http::string_body> Exchange(const std::string& request) {
    tcp::socket socket = Connect();
    return Exchange(socket, request);
  }
  // True when the server closes without another byte.
  static bool IsClosed(tcp::socket& socket) {
    char byte = 0;
    boost::system::error_code error;
    socket.read_some(asio::buffer(&byte, 1), error);
    return static_cast<bool>(error);
  }

  using WebSocket = beast::websocket::stream<tcp::socket>;
  WebSocket OpenWebSocket(const std::string& origin = {}, const std::string& protocol = "byon.events.v1") {
    WebSocket socket(Connect());
    socket.set_option(beast::websocket::stream_base::decorator([=](beast::websocket::request_type& request) {
      request.set(beast::http::field::sec_websocket_protocol, protocol);
      if (!origin.empty()) request.set(beast::http::field::origin, origin);
    }));
    socket.handshake("gw.example", "/byon/v1/channels/7");
    return socket;
  }
  static std::string Read(WebSocket& socket) {
    beast::flat_buffer buffer;
    socket.read(buffer);
    return beast::buffers_to_string(buffer.data());
  }
  // The close code that the server ends with, after whatever it still sends.
  static int CloseCode(WebSocket& socket) {
    beast::flat_buffer buffer;
    boost::system::error_code error;
    while (!error) socket.read(buffer, error);
    return socket.reason().code;
  }

  EchoApplication application_;
  asio::io_context strand_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{strand_.get_executor()};
  asio::io_context client_;
  std::unique_ptr<HttpServer> server_;
  std::thread runner_;
  uint16_t port_ = 0;
};

}  // namespace byon::http
