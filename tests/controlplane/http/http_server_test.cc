#include <poll.h>

#include "tests/controlplane/http/http_server_fixture.h"

namespace byon::http {
namespace {

TEST_F(HttpServerTest, EachHostHasItsOwnOriginsAndPagePolicy) {
  const auto allowed = [this](const std::string& host, const std::string& origin) {
    return std::string(Exchange("GET / HTTP/1.1\r\nHost: " + host + "\r\nOrigin: " + origin +
                                "\r\n\r\n")["access-control-allow-origin"]);
  };
  EXPECT_EQ(allowed("gw.example", "https://app.example"), "https://app.example");
  EXPECT_EQ(allowed("gw.example", "https://app.north"), "");
  EXPECT_EQ(allowed("North.Example:8443", "https://app.north"), "https://app.north");
  EXPECT_EQ(allowed("north.example", "https://app.example"), "");
  const auto policy = [this](const std::string& host) {
    return std::string(Exchange("GET /index.html HTTP/1.1\r\nHost: " + host + "\r\n\r\n")["content-security-policy"]);
  };
  EXPECT_NE(policy("north.example").find("https://id.north"), std::string::npos);
  EXPECT_EQ(policy("north.example").find("https://id.example"), std::string::npos);
  EXPECT_NE(policy("127.0.0.1").find("https://id.example"), std::string::npos);
}

TEST_F(HttpServerTest, AnswersSeveralRequestsOnOneConnection) {
  tcp::socket socket = Connect();
  for (int i = 0; i < 3; ++i) {
    const auto response = Exchange(socket,
                                   "PUT /a/b?x=1&y=%20z HTTP/1.1\r\nHost: gw\r\nX-Correlator: c-1\r\n"
                                   "Content-Length: 5\r\n\r\nhello");
    EXPECT_EQ(response.result_int(), 200u);
    EXPECT_EQ(response.body(), "PUT /a/b?x=1&y=%20z hello");
    EXPECT_EQ(response["x-correlator"], "c-1");
    EXPECT_EQ(response["x-content-type-options"], "nosniff");
    EXPECT_EQ(response.count("server"), 0u);
  }
}

TEST_F(HttpServerTest, AnswersEveryMethod) {
  tcp::socket socket = Connect();
  for (const std::string method : {"GET", "POST", "DELETE", "PATCH"}) {
    const auto response = Exchange(socket, method + " /x HTTP/1.1\r\nHost: gw\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(response.body(), method + " /x? ");
  }
}

TEST_F(HttpServerTest, TakesAPostWithoutAnyBody) {
  EXPECT_EQ(Exchange("POST /x HTTP/1.1\r\nHost: gw\r\n\r\n").body(), "POST /x? ");
}

TEST_F(HttpServerTest, Answers204WithoutBodyAndLargeBodiesWhole) {
  tcp::socket socket = Connect();
  EXPECT_EQ(Exchange(socket, "DELETE /empty HTTP/1.1\r\nHost: gw\r\n\r\n").result_int(), 204u);
  EXPECT_EQ(Exchange(socket, "GET /large HTTP/1.1\r\nHost: gw\r\n\r\n").body().size(), 300'000u);
  EXPECT_EQ(Exchange(socket, "GET /x HTTP/1.1\r\nHost: gw\r\n\r\n").body(), "GET /x? ");
}

TEST_F(HttpServerTest, RefusesBadFramingAndCloses) {
  const auto refuse = [&](const std::string& headers, unsigned status) {
    tcp::socket socket = Connect();
    EXPECT_EQ(Exchange(socket, "POST /x HTTP/1.1\r\nHost: gw\r\n" + headers + "\r\n").result_int(), status) << headers;
    EXPECT_TRUE(IsClosed(socket)) << headers;
  };
  refuse("Content-Length: -5\r\n", 400);
  refuse("Content-Length: 4097\r\n", 413);
  refuse("Content-Length: 99999999999999999999\r\n", 413);
  refuse("Transfer-Encoding: chunked\r\n", 411);
}

// A body that the library does not see as one would be the next request: of somebody else, behind a proxy.
TEST_F(HttpServerTest, NothingIsSmuggledBehindARequest) {
  const std::string hidden = "GET /hidden HTTP/1.1\r\nHost: gw\r\n\r\n";
  for (const std::string method : {"GET", "DELETE"}) {
    tcp::socket socket = Connect();
    EXPECT_EQ(Exchange(socket, method + " /x HTTP/1.1\r\nHost: gw\r\nContent-Length: " + std::to_string(hidden.size()) +
                                   "\r\n\r\n" + hidden)
                  .result_int(),
              400u);
    EXPECT_TRUE(IsClosed(socket)) << method;
  }
  tcp::socket socket = Connect();
  const auto response = Exchange(socket, "PUT /x HTTP/1.1\r\nHost: gw\r\n\r\n" + hidden);
  EXPECT_EQ(response.result_int(), 200u);
  EXPECT_EQ(response["connection"], "close");
  EXPECT_TRUE(IsClosed(socket));
}

TEST_F(HttpServerTest, SaysWhatIsWrongWithARequestLine) {
  for (const std::string target :
       {"/x?y=%00", "/x?%00", "/%00", "/x?y=a%00b&z=1", "/x%0d%0aX-Evil:%201", "/%zz", "/%", "/x?a\tb"}) {
    tcp::socket socket = Connect();
    // The first is good, and the connection is kept.
    EXPECT_EQ(Exchange(socket, "GET /first%20one HTTP/1.1\r\nHost: gw\r\n\r\n").result_int(), 200u);
    const auto response = Exchange(socket, "GET " + target + " HTTP/1.1\r\nHost: gw\r\n\r\n");
    EXPECT_EQ(response.result_int(), 400u) << target;
    EXPECT_NE(response.body().find("INVALID_ARGUMENT"), std::string::npos);
    EXPECT_EQ(response["x-content-type-options"], "nosniff");
    EXPECT_TRUE(IsClosed(socket)) << target;
  }
  // Bodies and headers may say what they like.
  tcp::socket socket = Connect();
  for (int i = 0; i < 3; ++i) {
    const auto response =
        Exchange(socket, "POST /x HTTP/1.1\r\nHost: gw\r\nX-Correlator: %zz\r\nContent-Length: 9\r\n\r\n%00 %zz\x01%");
    EXPECT_EQ(response.result_int(), 200u);
  }
}

// Requests that came with an earlier one are in the library before anybody could look at them.
TEST_F(HttpServerTest, PipelinedRequestLinesAreJudgedToo) {
  const std::string first = "POST /first HTTP/1.1\r\nHost: gw\r\nContent-Length: 2\r\n\r\nhi";
  const auto heard_after = [&](const std::string& head) {
    tcp::socket socket = Connect();
    asio::write(socket, asio::buffer(first + head + "\r\n\r\nGET /third HTTP/1.1\r\nHost: gw\r\n\r\n"));
    std::string heard;
    boost::system::error_code error;
    while (!error) {
      std::array<char, 4096> bytes;
      heard.append(bytes.data(), socket.read_some(asio::buffer(bytes), error));
      if (heard.find("GET /third?") != heard.npos) break;
    }
    return heard;
  };
  const std::string good = heard_after("GET /second?a=%20 HTTP/1.1\r\nHost: gw");
  for (const char* part : {"POST /first? hi", "GET /second?a=%20 ", "GET /third?"})
    EXPECT_NE(good.find(part), good.npos) << good;
  for (const std::string target : {"/x%01", "/x?a=%7f", "/x?%1b=1", "/x?a\tb", "/x%0d%0aX-Evil:%201",
                                   "/x%0aX-Evil:%201", "/x?a=%0d%0aHost:%20evil", "/%00a"}) {
    const std::string heard = heard_after("GET " + target + " HTTP/1.1\r\nHost: gw");
    EXPECT_NE(heard.find("POST /first? hi"), heard.npos) << target << heard;
    EXPECT_NE(heard.find(" 400 Bad Request"), heard.npos) << target << heard;
    EXPECT_EQ(heard.find("/third"), heard.npos) << target << heard;
    EXPECT_EQ(heard.find("GET "), heard.npos) << target << heard;
  }
  // The library closes on these itself.
  for (const std::string target : {"/x%00", "/x?a=%00", "/%zz", "/%"}) {
    const std::string heard = heard_after("GET " + target + " HTTP/1.1\r\nHost: gw");
    EXPECT_NE(heard.find("POST /first? hi"), heard.npos) << target << heard;
    EXPECT_EQ(heard.find("GET "), heard.npos) << target << heard;
    EXPECT_EQ(heard.find("/third"), heard.npos) << target << heard;
  }
  // A line without a version is of HTTP/0.9, which knows no headers.
  EXPECT_NE(heard_after("GET /second\r\nHost: gw").find(" 400 Bad Request"), std::string::npos);
}

// However the bytes of a line meet the server's reads.
TEST_F(HttpServerTest, ARequestLineIsSeenWholeByteByByte) {
  const auto drip = [&](tcp::socket& socket, const std::string& head) {
    for (const char byte : head) asio::write(socket, asio::buffer(&byte, 1));
    return Exchange(socket, "\n").result_int();
  };
  for (int i = 0; i < 100; ++i) {
    tcp::socket socket = Connect();
    socket.set_option(tcp::no_delay(true));
    EXPECT_EQ(drip(socket, "GET /x?a=%20 HTTP/1.1\r\nHost: gw\r\n\r"), 200u);
    EXPECT_EQ(drip(socket, "\r\nGET /?a=%00 HTTP/1.1\r\nHost: gw\r\n\r"), 400u);
    EXPECT_TRUE(IsClosed(socket));
  }
  const auto ends = [](tcp::socket& socket) {
    while (!IsClosed(socket)) continue;
    return true;
  };
  // Half a line is all that will come, or what came is no request at all.
  for (const std::string piece : {"GET /x", "\r\n", "get %00\r\n\r\n", "{\"a\": 1}\r\n"}) {
    tcp::socket socket = Connect();
    asio::write(socket, asio::buffer(piece));
    socket.shutdown(tcp::socket::shutdown_send);
    EXPECT_TRUE(ends(socket)) << piece;
  }
  // A line that is longer than any may be.
  tcp::socket socket = Connect();
  asio::write(socket, asio::buffer("GET /" + std::string(20'000, 'a')));
  EXPECT_TRUE(ends(socket));
}

TEST_F(HttpServerTest, CountsSilentConnectionsToo) {
  server_.reset();
  HttpServerConfig config = Config();
  config.connections_per_address = 3;
  server_ = std::make_unique<HttpServer>(config, application_, strand_.get_executor());
  port_ = server_->port();
  std::vector<tcp::socket> silent;
  for (int i = 0; i < 3; ++i) silent.push_back(Connect());
  // The last of them has been accepted when it is answered.
  EXPECT_EQ(Exchange(silent.back(), "GET /x HTTP/1.1\r\nHost: gw\r\n\r\n").result_int(), 200u);
  tcp::socket refused = Connect();
  EXPECT_TRUE(IsClosed(refused));
}

TEST_F(HttpServerTest, BoundsTheRateOfNewConnections) {
  HttpServerConfig config = Config();
  config.connections_per_second_per_address = 2;  // and twice as many in a burst
  Restart(config);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Exchange("GET /x HTTP/1.1\r\nHost: gw\r\n\r\n").result_int(), 200u) << i;
  tcp::socket refused = Connect();
  EXPECT_TRUE(IsClosed(refused));
}

TEST_F(HttpServerTest, SaysWhenToComeAgain) {
  HttpServerConfig config = Config();
  config.requests_per_second_per_address = 2;
  Restart(config);
  tcp::socket socket = Connect();
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(Exchange(socket, "GET /x HTTP/1.1\r\nHost: gw\r\n\r\n").result_int(), 200u) << i;
  const auto refused = Exchange(socket, "GET /x HTTP/1.1\r\nHost: gw\r\n\r\n");
  EXPECT_EQ(refused.result_int(), 429u);
  EXPECT_EQ(refused["retry-after"], "1");
  EXPECT_NE(refused.body().find("TOO_MANY_REQUESTS"), std::string::npos);
}

// Bodies wait in memory for the verdict on their tokens: so many bytes of one address, however many connections it has.
TEST_F(HttpServerTest, BoundsTheBodiesInMemory) {
  HttpServerConfig config = Config();
  config.body_bytes = 100'000;
  config.bodies_bytes_per_address = 150'000;
  Restart(config);
  // A request that announces 90,000 bytes and has sent so many of them.
  const auto post = [](const std::string& path, size_t sent = 90'000) {
    return "POST " + path + " HTTP/1.1\r\nHost: gw\r\nContent-Length: 90000\r\n\r\n" + std::string(sent, 'b');
  };
  tcp::socket first = Connect();
  asio::write(first, asio::buffer(post("/hold")));
  ASSERT_TRUE(application_.WaitForHeld(1));
  const auto refused = Exchange(post("/x", 60'001));
  EXPECT_EQ(refused.result_int(), 429u);
  EXPECT_EQ(refused["retry-after"], "1");
  EXPECT_EQ(server_->figures().refused_bodies, 1u);
  // Once answered, its body takes no room any more.
  std::promise<void> answered;
  asio::post(strand_, [&] {
    application_.AnswerHeld();
    answered.set_value();
  });
  answered.get_future().wait();
  EXPECT_EQ(Exchange(first, "").body(), "held");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Exchange(post("/x")).result_int(), 200u) << i;

  config.bodies_bytes_per_address = 1'000'000;
  config.bodies_bytes = 50'000;
  Restart(config);
  EXPECT_EQ(Exchange(post("/x", 50'001)).result_int(), 503u);
}

// Slowloris: headers that never end, a body that comes by drops, an answer that is not read. Each has its time.
class SlowClientTest : public HttpServerTest {
 protected:
  void SetUp() override {
    HttpServerTest::SetUp();
    HttpServerConfig config = Config();
    config.header_timeout = config.body_timeout = std::chrono::seconds(1);
    Restart(config);
  }
  // Whether the server closes while it is sent a byte each 100 ms.
  static bool IsCutOffWhileDripping(tcp::socket& socket) {
    socket.non_blocking(true);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    boost::system::error_code error;
    while (std::chrono::steady_clock::now() < end) {
      pollfd ready{socket.native_handle(), POLLIN | POLLRDHUP, 0};
      if (poll(&ready, 1, 100) > 0) return true;
      socket.write_some(asio::buffer("a", 1), error);
      if (error) return true;
    }
    return false;
  }
};

TEST_F(SlowClientTest, EndlessHeadersAreCutOff) {
  tcp::socket socket = Connect();
  asio::write(socket, asio::buffer(std::string("GET /x HTTP/1.1\r\nHost: gw\r\nX-Slow: ")));
  EXPECT_TRUE(IsCutOffWhileDripping(socket));
}

TEST_F(SlowClientTest, AnEndlessRequestLineIsCutOff) {
  tcp::socket fresh = Connect();
  asio::write(fresh, asio::buffer(std::string("GET /x")));
  EXPECT_TRUE(IsCutOffWhileDripping(fresh));
}

TEST_F(SlowClientTest, ADrippingBodyIsCutOff) {
  tcp::socket socket = Connect();
  asio::write(socket, asio::buffer(std::string("POST /x HTTP/1.1\r\nHost: gw\r\nContent-Length: 4000\r\n\r\n")));
  EXPECT_TRUE(IsCutOffWhileDripping(socket));
}

TEST_F(SlowClientTest, AnAnswerThatNobodyReadsIsGivenUp) {
  tcp::socket socket(client_);
  socket.open(tcp::v4());
  socket.set_option(asio::socket_base::receive_buffer_size(4096));
  socket.connect({asio::ip::make_address("127.0.0.1"), port_});
  asio::write(socket, asio::buffer(std::string("GET /huge HTTP/1.1\r\nHost: gw\r\n\r\n")));
  // The server's own clock runs for so long; there is no other sign of it while its bytes lie before us.
  pollfd nothing{socket.native_handle(), 0, 0};
  poll(&nothing, 1, 3000);
  std::vector<char> buffer(65536);
  size_t total = 0;
  boost::system::error_code error;
  while (!error) total += socket.read_some(asio::buffer(buffer), error);
  EXPECT_LT(total, kHugeBytes);
  EXPECT_EQ(Exchange("GET /x HTTP/1.1\r\nHost: gw\r\n\r\n").result_int(), 200u) << "and others are served";
}

TEST_F(HttpServerTest, EveryAnswerSaysWhatItMayBeUsedFor) {
  const auto data = Exchange("GET /x HTTP/1.1\r\nHost: gw\r\n\r\n");
  EXPECT_EQ(data["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
  for (const auto& [name, value] :
       std::map<std::string, std::string>{{"x-content-type-options", "nosniff"},
                                          {"referrer-policy", "no-referrer"},
                                          {"x-frame-options", "DENY"},
                                          {"cache-control", "no-store"},
                                          {"cross-origin-resource-policy", "same-origin"}}) {
    EXPECT_EQ(data[name], value) << name;
  }
  EXPECT_EQ(data["strict-transport-security"], "") << "plain HTTP, plain public URL";
  const auto page = Exchange("GET / HTTP/1.1\r\nHost: gw\r\n\r\n");
  EXPECT_EQ(page.count("content-security-policy"), 1u);
  EXPECT_NE(page["permissions-policy"].find("microphone=(self)"), std::string::npos);
  EXPECT_EQ(page["cross-origin-opener-policy"], "same-origin-allow-popups");
  EXPECT_EQ(page["cache-control"], "no-cache");
  HttpServerConfig behind_proxy = Config();
  behind_proxy.site.public_url = "https://gw.example";
  Restart(behind_proxy);
  EXPECT_EQ(Exchange("GET /x HTTP/1.1\r\nHost: gw\r\n\r\n")["strict-transport-security"], "max-age=31536000");
}

TEST_F(HttpServerTest, AnswersAListOfSubprotocolsThatTheLibraryCannotRead) {
  const auto response = Exchange(
      "GET /byon/v1/channels/7 HTTP/1.1\r\nHost: gw.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Protocol: byon.events.v1, byon.bearer." +
      std::string(600, 'a') + "\r\n\r\n");
  EXPECT_EQ(response.result_int(), 431u);
}

TEST_F(HttpServerTest, LongTokensFitAndHeadersHaveALimit) {
  EXPECT_EQ(Exchange("GET /x HTTP/1.1\r\nHost: gw\r\nAuthorization: Bearer " + std::string(9000, 'a') + "\r\n\r\n")
                .result_int(),
            200u);
  tcp::socket socket = Connect();
  boost::system::error_code error;
  asio::write(socket,
              asio::buffer("GET /x HTTP/1.1\r\nHost: gw\r\nAuthorization: " + std::string(20'000, 'a') + "\r\n\r\n"),
              error);
  EXPECT_TRUE(IsClosed(socket));
}

TEST_F(HttpServerTest, ServesTheWebClientWithASecurityPolicy) {
  const auto response = Exchange("GET / HTTP/1.1\r\nHost: gw\r\n\r\n");
  EXPECT_EQ(response.result_int(), 200u);
  EXPECT_NE(response.body().find("<title>"), std::string::npos);
  EXPECT_NE(response["content-security-policy"].find("default-src 'self'"), std::string::npos);
  const auto again =
      Exchange("GET / HTTP/1.1\r\nHost: gw\r\nIf-None-Match: " + std::string(response["etag"]) + "\r\n\r\n");
  EXPECT_EQ(again.result_int(), 304u);
  const auto head = Exchange("HEAD /sdk/byon.js HTTP/1.1\r\nHost: gw\r\n\r\n");
  EXPECT_EQ(head.result_int(), 200u);
}

TEST_F(HttpServerTest, NoPathLeavesTheTable) {
  for (const std::string path : {"/../meson.build", "/%2e%2e/meson.build", "/sdk/..%2f..%2fmain.cc", "/app//../../x"}) {
    const auto response = Exchange("GET " + path + " HTTP/1.1\r\nHost: gw\r\n\r\n");
    EXPECT_TRUE(response.body().starts_with("GET /") || response.result_int() >= 400) << path << response.body();
  }
}

TEST_F(HttpServerTest, AnswersPreflightsOfConfiguredPages) {
  const auto good = Exchange("OPTIONS /x HTTP/1.1\r\nHost: gw\r\nOrigin: https://app.example\r\n\r\n");
  EXPECT_EQ(good.result_int(), 204u);
  EXPECT_EQ(good["access-control-allow-origin"], "https://app.example");
  const auto bad = Exchange("OPTIONS /x HTTP/1.1\r\nHost: gw\r\nOrigin: https://evil.example\r\n\r\n");
  EXPECT_EQ(bad.count("access-control-allow-origin"), 0u);
}

TEST_F(HttpServerTest, SaysGoodbyeWhenItStops) {
  WebSocket socket = OpenWebSocket();
  EXPECT_EQ(Read(socket), "hello /byon/v1/channels/7");
  std::thread stopper([&] { server_->Stop(); });
  EXPECT_EQ(CloseCode(socket), 1001);
  stopper.join();
  EXPECT_TRUE(application_.WaitForClosed(1));
}

TEST_F(HttpServerTest, RefusesAPortThatIsTaken) {
  HttpServerConfig config = Config();
  config.port = port_;
  EXPECT_THROW(HttpServer(config, application_, strand_.get_executor()), std::runtime_error);
}

}  // namespace
}  // namespace byon::http
