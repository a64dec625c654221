#include "controlplane/http_client/curl_http_client.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <optional>

#include "tests/controlplane/http_client/test_http_server.h"

namespace byon::http_client {
namespace {

using test::TestHttpServer;

class CurlHttpClientTest : public ::testing::Test {
 protected:
  Result Send(Request request) {
    std::optional<Result> result;
    client_.Send(std::move(request), [&](Result r) { result = std::move(r); });
    EXPECT_FALSE(result.has_value()) << "called back from within Send";
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!result && std::chrono::steady_clock::now() < deadline) {
      context_.run_one_for(std::chrono::milliseconds(100));
      context_.restart();
    }
    return result.value_or(Failure::kBusy);
  }
  static std::string Text(const Result& result) {
    if (const auto* failure = std::get_if<Failure>(&result)) return ToString(*failure);
    const auto& response = std::get<Response>(result);
    return std::to_string(response.status) + " " + response.body;
  }

  boost::asio::io_context context_;
  CurlHttpClient client_{context_.get_executor(), 4};
};

TEST_F(CurlHttpClientTest, GetsAndPosts) {
  TestHttpServer server(context_, [](const TestHttpServer::Request& request) {
    return TestHttpServer::Json(200, request.body.empty() ? "got" : "took " + request.body);
  });
  EXPECT_EQ(Text(Send({.url = server.url() + "/a"})), "200 got");
  EXPECT_EQ(Text(Send({.method = "POST", .url = server.url() + "/b", .headers = {{"X-Test", "1"}}, .body = "x=1"})),
            "200 took x=1");
  EXPECT_NE(server.requests()[1].head.find("X-Test: 1"), std::string::npos);
}

// Servers of one account that never answer take no place from another's.
TEST_F(CurlHttpClientTest, BoundsWhatOneAccountHasUnderWay) {
  boost::asio::ip::tcp::acceptor deaf(context_, {boost::asio::ip::address_v4::loopback(), 0});
  const std::string never = "http://127.0.0.1:" + std::to_string(deaf.local_endpoint().port()) + "/";
  TestHttpServer server(context_, [](const TestHttpServer::Request&) { return TestHttpServer::Json(200, "got"); });
  for (int i = 0; i < 2; ++i) {
    client_.Send({.url = never, .timeout = std::chrono::hours(1), .account = "mallory", .max_of_account = 2},
                 [](const Result&) { FAIL() << "nobody answers"; });
  }
  const Request of_mallory{.url = server.url(), .account = "mallory", .max_of_account = 2};
  EXPECT_EQ(Text(Send(of_mallory)), "too many requests under way");
  // Places come free with each answer.
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(Text(Send({.url = server.url(), .account = "alice", .max_of_account = 1})), "200 got");
  EXPECT_EQ(Text(Send({.url = server.url()})), "200 got");
}

TEST_F(CurlHttpClientTest, TellsWhenToComeAgain) {
  TestHttpServer server(
      context_, [](const TestHttpServer::Request&) { return TestHttpServer::Json(429, "", "Retry-After: 17\r\n"); });
  const Result result = Send({.url = server.url()});
  EXPECT_EQ(std::get<Response>(result).retry_after, std::chrono::seconds(17));
}

TEST_F(CurlHttpClientTest, DoesNotFollowARedirect) {
  TestHttpServer server(context_, [](const TestHttpServer::Request&) {
    return TestHttpServer::Json(302, "", "Location: http://127.0.0.1:1/\r\n");
  });
  EXPECT_EQ(Text(Send({.url = server.url()})), "302 ");
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST_F(CurlHttpClientTest, RefusesPrivateAddressesHoweverWritten) {
  TestHttpServer server(context_, [](const TestHttpServer::Request&) { return TestHttpServer::Json(200, ""); });
  const std::string port = std::to_string(server.port());
  for (const std::string host : {"127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]",
                                 "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "127.1"}) {
    EXPECT_EQ(Text(Send({.url = "http://" + host + ":" + port + "/", .may_use_private_addresses = false})),
              "address not allowed")
        << host;
  }
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(CurlHttpClientTest, PooledConnectionsAreNotSharedWithTheStrict) {
  TestHttpServer server(context_,
                        [](const TestHttpServer::Request&) { return "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"; });
  EXPECT_EQ(Text(Send({.url = server.url()})), "200 ");
  EXPECT_EQ(Text(Send({.url = server.url(), .may_use_private_addresses = false})), "address not allowed");
}

TEST_F(CurlHttpClientTest, BoundsTheAnswer) {
  TestHttpServer server(
      context_, [](const TestHttpServer::Request&) { return TestHttpServer::Json(200, std::string(5000, 'x')); });
  EXPECT_EQ(Text(Send({.url = server.url(), .max_response_bytes = 4999})), "answer too large");
}

TEST_F(CurlHttpClientTest, GivesUpAfterTheTimeout) {
  TestHttpServer server(context_, [](const TestHttpServer::Request&) { return ""; });
  EXPECT_EQ(Text(Send({.url = server.url(), .timeout = std::chrono::milliseconds(50)})), "timeout");
}

TEST_F(CurlHttpClientTest, NamesOtherFailures) {
  EXPECT_EQ(Text(Send({.url = "file:///etc/passwd"})), "bad URL");
  EXPECT_EQ(Text(Send({.url = "gopher://127.0.0.1/"})), "bad URL");
  EXPECT_EQ(Text(Send({.url = "http://a b/"})), "bad URL");
  EXPECT_EQ(Text(Send({.url = "http://127.0.0.1/", .headers = {{"A", "b\r\nC: d"}}})), "bad URL");
  TestHttpServer server(context_, [](const TestHttpServer::Request&) { return ""; });
  const std::string url = server.url();
  server.Close();
  EXPECT_EQ(Text(Send({.url = url})), "unreachable");
}

TEST_F(CurlHttpClientTest, LimitsRequestsUnderWay) {
  TestHttpServer server(context_, [](const TestHttpServer::Request&) { return ""; });
  for (int i = 0; i < 4; ++i) client_.Send({.url = server.url()}, [](const Result&) {});
  EXPECT_EQ(Text(Send({.url = server.url()})), "too many requests under way");
}

}  // namespace
}  // namespace byon::http_client
