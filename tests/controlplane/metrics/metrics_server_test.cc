#include "controlplane/metrics/metrics_server.h"

#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace byon::metrics {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

class MetricsServerTest : public testing::Test {
 protected:
  MetricsServerTest()
      : server_(std::make_unique<MetricsServer>(
            asio::make_strand(context_), "127.0.0.1", uint16_t{0},
            [](const std::function<void(std::string)>& done) { done("byon_up 1\n# EOF\n"); })),
        port_(server_->port()),
        runner_([this] { context_.run(); }) {}
  ~MetricsServerTest() override {
    asio::post(context_, [this] { server_.reset(); });
    work_.reset();
    runner_.join();
  }
  tcp::socket Connect() {
    tcp::socket socket(client_);
    socket.connect({asio::ip::make_address("127.0.0.1"), port_});
    return socket;
  }
  static std::string ReadAll(tcp::socket& socket) {
    std::string text;
    boost::system::error_code error;
    asio::read(socket, asio::dynamic_buffer(text), error);
    return text;
  }
  std::string Ask(const std::string& request) {
    tcp::socket socket = Connect();
    boost::system::error_code error;
    asio::write(socket, asio::buffer(request), error);
    return ReadAll(socket);
  }

  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  asio::io_context client_;
  std::unique_ptr<MetricsServer> server_;
  const uint16_t port_;
  std::thread runner_;
};

TEST_F(MetricsServerTest, IsScraped) {
  for (const char* target : {"/metrics", "/metrics?x=1"}) {
    const std::string answer = Ask("GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
    EXPECT_NE(answer.find("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"),
              std::string::npos);
    EXPECT_TRUE(answer.ends_with("\r\n\r\nbyon_up 1\n# EOF\n")) << answer;
  }
  const std::string head = Ask("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(head.find("Content-Length: 16\r\n"), std::string::npos) << head;
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
}

TEST_F(MetricsServerTest, RefusesEverythingElse) {
  const auto status = [this](const std::string& request) { return Ask(request).substr(9, 3); };
  EXPECT_EQ(status("GET / HTTP/1.1\r\n\r\n"), "404");
  EXPECT_EQ(status("GET /metrics/ HTTP/1.1\r\n\r\n"), "404");
  EXPECT_EQ(status("POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), "405");
  EXPECT_EQ(status("hello\r\n\r\n"), "400");
  EXPECT_EQ(status("GET /metrics SIP/2.0\r\n\r\n"), "400");
  // As much as is read, so that nothing unread resets the answer.
  std::string endless = "GET /metrics HTTP/1.1\r\nX: ";
  endless.resize(8192, 'x');
  EXPECT_EQ(status(endless), "431");
}

TEST_F(MetricsServerTest, SilentConnectionsDoNotAddUp) {
  // The first 16 are kept waiting, those beyond are closed at once.
  std::vector<tcp::socket> silent;
  for (int i = 0; i < 16; ++i) silent.push_back(Connect());
  tcp::socket beyond = Connect();
  EXPECT_EQ(ReadAll(beyond), "");
  silent.pop_back();
  // The server hears of that when it does.
  bool is_served = false;
  for (int i = 0; i < 10'000 && !is_served; ++i)
    is_served = Ask("GET /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200");
  EXPECT_TRUE(is_served);
}

TEST(MetricsServer, SaysWhatCannotBeListenedOn) {
  asio::io_context context;
  try {
    const MetricsServer server(context.get_executor(), "192.0.2.1", 9464, {});
    FAIL() << "192.0.2.1 is nobody's";
  } catch (const std::runtime_error& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("metrics.listen 192.0.2.1:9464 cannot be used")) << error.what();
  }
}

}  // namespace
}  // namespace byon::metrics
