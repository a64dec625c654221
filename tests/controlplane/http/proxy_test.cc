// Behind a proxy: who the client is, and who says so.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "controlplane/http/http_server.h"

namespace byon::http {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

// Tells everybody who it takes him for.
class MirrorApplication final : public api::HttpApplication {
 public:
  static std::string Seen(const api::HttpRequest& request) {
    const std::string* host = request.Header("host");
    return request.remote_address + " " + (host == nullptr ? "" : *host) + "|";
  }
  void HandleRequest(api::HttpRequest request, api::Respond respond) override { respond({200, {}, Seen(request)}); }
  std::unique_ptr<api::WebSocketHandler> OpenWebSocket(const api::HttpRequest& request,
                                                       std::shared_ptr<api::WebSocketSession> session) override {
    session->Send(Seen(request));
    return std::make_unique<Silent>();
  }

 private:
  class Silent final : public api::WebSocketHandler {
    void OnMessage(std::string) override {}
    void OnClosed() override {}
  };
};

class ProxyTest : public testing::Test {
 protected:
  static HttpServerConfig Config() {
    HttpServerConfig config;
    config.site = {"https://gw.example", {}, {}};
    EXPECT_TRUE(config.proxies.proxies.Add("127.0.0.1"));
    return config;
  }
  void Start(const HttpServerConfig& config) {
    server_ = std::make_unique<HttpServer>(config, application_, strand_.get_executor());
    runner_ = std::thread([this] { strand_.run(); });
  }
  void TearDown() override {
    server_.reset();
    work_.reset();
    runner_.join();
  }
  // From 127.0.0.1, the proxy, or from a neighbour of it.
  tcp::socket Connect(const std::string& from) {
    tcp::socket socket(client_, tcp::v4());
    socket.bind({asio::ip::make_address(from), 0});
    socket.connect({asio::ip::make_address("127.0.0.1"), server_->port()});
    return socket;
  }
  // Everything up to `end`; what there was when the server closed before.
  static std::string ReadTo(tcp::socket& socket, const std::string& end) {
    std::string text;
    boost::system::error_code error;
    asio::read_until(socket, asio::dynamic_buffer(text), end, error);
    return text;
  }
  std::string Ask(const std::string& headers, const std::string& from = "127.0.0.1") {
    tcp::socket socket = Connect(from);
    boost::system::error_code refused;
    asio::write(socket, asio::buffer("GET /x HTTP/1.1\r\nHost: inner\r\n" + headers + "\r\n"), refused);
    std::string answer = ReadTo(socket, "\r\n\r\n");
    if (answer.starts_with("HTTP/1.1 200") && answer.find('|') == answer.npos) answer += ReadTo(socket, "|");
    return answer;
  }
  static std::string BodyOf(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }
  std::string Seen(const std::string& headers, const std::string& from = "127.0.0.1") {
    return BodyOf(Ask(headers, from));
  }
  // The status line and, of an open WebSocket, its first message.
  std::string Upgrade(tcp::socket& socket, const std::string& headers) {
    asio::write(
        socket,
        asio::buffer("GET /byon/v1/channels HTTP/1.1\r\nHost: inner\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Sec-WebSocket-Protocol: byon.events.v1\r\n" +
                     headers + "\r\n"));
    std::string answer = ReadTo(socket, "\r\n\r\n");
    if (answer.starts_with("HTTP/1.1 101") && answer.find('|') == answer.npos) answer += ReadTo(socket, "|");
    return answer;
  }

  MirrorApplication application_;
  asio::io_context strand_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{strand_.get_executor()};
  asio::io_context client_;
  std::unique_ptr<HttpServer> server_;
  std::thread runner_;
};

TEST_F(ProxyTest, IsBelievedWhenItIsTrustedAndNobodyElseIs) {
  Start(Config());
  const std::string headers =
      "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: gw.example\r\nForwarded: "
      "for=203.0.113.99\r\n";
  EXPECT_EQ(Seen(headers), "203.0.113.7 gw.example|");
  EXPECT_EQ(Seen(headers, "127.0.0.9"), "127.0.0.9 inner|");
  EXPECT_EQ(Seen(""), "127.0.0.1 inner|");
  // A line of the client's own, and the proxy's after it.
  EXPECT_EQ(Seen("X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.7\r\n"), "203.0.113.7 inner|");
}

TEST_F(ProxyTest, SpeaksByOneHeader) {
  HttpServerConfig config = Config();
  config.proxies.uses_forwarded = true;
  Start(config);
  EXPECT_EQ(Seen("Forwarded: for=198.51.100.1, "
                 "for=\"[2001:db8::7]:4711\";proto=https;host=gw.example\r\nX-Forwarded-For: 203.0.113.99\r\n"),
            "2001:db8::7 gw.example|");
  EXPECT_EQ(Seen("X-Forwarded-For: 203.0.113.99\r\nX-Forwarded-Host: evil\r\n"), "127.0.0.1 inner|");
}

TEST_F(ProxyTest, ItsClientsHaveEachTheirOwnRate) {
  HttpServerConfig config = Config();
  config.requests_per_second_per_address = 1;  // and twice as many in a burst
  config.connections_per_address = 1;
  config.connections_per_second_per_address = 1;
  Start(config);
  const auto is_refused = [this](const std::string& headers) {
    for (int i = 0; i < 200; ++i) {
      if (Ask(headers).starts_with("HTTP/1.1 429")) return true;
    }
    return false;
  };
  EXPECT_TRUE(is_refused("X-Forwarded-For: 203.0.113.7\r\n"));
  EXPECT_TRUE(Ask("X-Forwarded-For: 203.0.113.8\r\n").starts_with("HTTP/1.1 200"));
  // Whoever is no proxy does not get rid of his limits by a header.
  bool is_closed = false;
  for (int i = 0; i < 200 && !is_closed; ++i) {
    is_closed = Ask("X-Forwarded-For: 203.0.113." + std::to_string(10 + i) + "\r\n", "127.0.0.9").empty();
  }
  EXPECT_TRUE(is_closed);
}

TEST_F(ProxyTest, AnIPv6NetworkIsOneClient) {
  HttpServerConfig config = Config();
  config.connections_per_address = 2;
  config.requests_per_second_per_address = 1'000'000;
  Start(config);
  std::vector<tcp::socket> open;
  const auto is_opened_by = [&](const std::string& client) {
    open.push_back(Connect("127.0.0.1"));
    return Upgrade(open.back(), "X-Forwarded-For: " + client + "\r\n").starts_with("HTTP/1.1 101");
  };
  EXPECT_TRUE(is_opened_by("2001:db8:0:1::1"));
  EXPECT_TRUE(is_opened_by("2001:db8:0:1:ffff::2"));
  EXPECT_FALSE(is_opened_by("2001:db8:0:1::3"));
  EXPECT_TRUE(is_opened_by("2001:db8:0:2::1"));
  EXPECT_TRUE(is_opened_by("203.0.113.7"));
  EXPECT_TRUE(is_opened_by("::ffff:203.0.113.7"));
  EXPECT_FALSE(is_opened_by("203.0.113.7"));
  // The application hears the whole address.
  EXPECT_EQ(Seen("X-Forwarded-For: 2001:db8:0:1::4\r\n"), "2001:db8:0:1::4 inner|");
}

TEST_F(ProxyTest, AnIPv6NetworkHasOneRate) {
  HttpServerConfig config = Config();
  config.requests_per_second_per_address = 1;
  config.ipv6_prefix_length = 56;
  Start(config);
  bool is_refused = false;
  for (int i = 1; i < 200 && !is_refused; ++i) {
    char client[40];
    std::snprintf(client, sizeof client, "2001:db8:0:1%02x::%x", i, i);
    is_refused = Ask("X-Forwarded-For: " + std::string(client) + "\r\n").starts_with("HTTP/1.1 429");
  }
  EXPECT_TRUE(is_refused);
  EXPECT_TRUE(Ask("X-Forwarded-For: 2001:db8:0:200::1\r\n").starts_with("HTTP/1.1 200"));
}

TEST_F(ProxyTest, WebSocketsCountForTheirClient) {
  HttpServerConfig config = Config();
  config.connections_per_address = 2;
  config.requests_per_second_per_address = 1'000'000;
  Start(config);
  std::vector<tcp::socket> open;
  const auto open_one = [&](const std::string& client) {
    open.push_back(Connect("127.0.0.1"));
    return Upgrade(open.back(), "X-Forwarded-For: " + client + "\r\n");
  };
  EXPECT_NE(open_one("203.0.113.7").find("203.0.113.7 inner|"), std::string::npos);
  EXPECT_NE(open_one("203.0.113.7").find("203.0.113.7 inner|"), std::string::npos);
  const std::string refused = open_one("203.0.113.7");
  EXPECT_NE(refused.substr(0, refused.find("\r\n")).find(" 429"), std::string::npos) << refused;
  EXPECT_NE(open_one("203.0.113.8").find("203.0.113.8 inner|"), std::string::npos) << "others are not kept out";
  open[0].close();
  // The server hears of the end when it does: until then the client is refused.
  for (int i = 0; i < 2000; ++i) {
    if (open_one("203.0.113.7").starts_with("HTTP/1.1 101")) return;
    open.pop_back();
  }
  FAIL() << "the place of a closed WebSocket was not given back";
}

TEST_F(ProxyTest, TheSiteIsTheOneThatTheClientSees) {
  HttpServerConfig config = Config();
  config.host_sites = {{{"north.example"}, {"https://north.example", {"https://app.north"}, {}}}};
  Start(config);
  const std::string north = "X-Forwarded-Host: north.example\r\nOrigin: https://app.north\r\n";
  EXPECT_NE(Ask(north).find("access-control-allow-origin: https://app.north"), std::string::npos);
  EXPECT_EQ(Ask(north, "127.0.0.9").find("access-control-allow-origin"), std::string::npos);
  EXPECT_NE(Ask("X-Forwarded-Proto: https\r\n").find("strict-transport-security"), std::string::npos);
  EXPECT_EQ(Ask("X-Forwarded-Proto: http\r\n").find("strict-transport-security"), std::string::npos);
  // Its own page in the clear is a foreign one to the page over TLS.
  const auto opens = [this](const std::string& origin) {
    tcp::socket socket = Connect("127.0.0.1");
    return Upgrade(socket, "X-Forwarded-Proto: https\r\nX-Forwarded-Host: alias.example\r\nOrigin: " + origin + "\r\n")
        .starts_with("HTTP/1.1 101");
  };
  EXPECT_TRUE(opens("https://alias.example"));
  EXPECT_FALSE(opens("http://alias.example"));
}

}  // namespace
}  // namespace byon::http
