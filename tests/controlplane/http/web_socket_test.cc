// WebSockets of the server: messages both ways, and who may not stay.
#include "tests/controlplane/http/http_server_fixture.h"

namespace byon::http {
namespace {

TEST_F(HttpServerTest, CarriesWebSocketMessagesBothWays) {
  WebSocket socket = OpenWebSocket();
  EXPECT_EQ(Read(socket), "hello /byon/v1/channels/7");
  for (int i = 0; i < 20; ++i) {
    socket.write(asio::buffer("message " + std::to_string(i)));
    EXPECT_EQ(Read(socket), "echo message " + std::to_string(i));
  }
  socket.close(beast::websocket::close_code::normal);
  EXPECT_TRUE(application_.WaitForClosed(1));
}

TEST_F(HttpServerTest, ClosesAWebSocketWithTheApplicationsCodeAfterItsLastMessage) {
  WebSocket socket = OpenWebSocket();
  EXPECT_EQ(Read(socket), "hello /byon/v1/channels/7");
  socket.write(asio::buffer(std::string("end")));
  EXPECT_EQ(Read(socket), "bye");
  EXPECT_EQ(CloseCode(socket), 4401);
}

TEST_F(HttpServerTest, RefusesForeignPagesAndOtherProtocols) {
  EXPECT_THROW(OpenWebSocket("https://evil.example"), boost::system::system_error);
  EXPECT_THROW(OpenWebSocket("", "chat"), boost::system::system_error);
  EXPECT_NO_THROW(OpenWebSocket("https://app.example"));
  EXPECT_NO_THROW(OpenWebSocket("http://gw.example"));
}

TEST_F(HttpServerTest, ClosesOnWhatAPeerMayNotSend) {
  WebSocket large = OpenWebSocket();
  large.write(asio::buffer(std::string(2000, 'x')));
  EXPECT_EQ(CloseCode(large), 1009);
  WebSocket binary = OpenWebSocket();
  binary.binary(true);
  binary.write(asio::buffer(std::string("abc")));
  EXPECT_EQ(CloseCode(binary), 1003);
}

TEST_F(HttpServerTest, CutsOffAReaderThatIsTooSlow) {
  WebSocket socket = OpenWebSocket();
  EXPECT_EQ(Read(socket), "hello /byon/v1/channels/7");
  socket.write(asio::buffer(std::string("flood")));
  EXPECT_EQ(CloseCode(socket), 1013);
  EXPECT_TRUE(application_.WaitForClosed(1));
}

TEST_F(HttpServerTest, WhoAnswersPingsStaysWhoDoesNotIsGivenUp) {
  HttpServerConfig config = Config();
  config.ping = std::chrono::seconds(1);
  config.hang_up = std::chrono::seconds(3);
  Restart(config);
  WebSocket quiet = OpenWebSocket();
  EXPECT_EQ(Read(quiet), "hello /byon/v1/channels/7");
  int pings = 0;
  quiet.control_callback(
      [&](beast::websocket::frame_type kind, auto) { pings += kind == beast::websocket::frame_type::ping; });
  beast::flat_buffer buffer;
  bool has_message = false;
  boost::system::error_code quiet_error;
  // Says nothing by itself; the library answers pings while it waits.
  quiet.async_read(buffer, [&](boost::system::error_code error, size_t) {
    quiet_error = error;
    has_message = true;
  });
  WebSocket silent = OpenWebSocket();
  const auto start = std::chrono::steady_clock::now();
  const auto silence = [&start] { return std::chrono::steady_clock::now() - start; };
  pollfd hung_up{silent.next_layer().native_handle(), POLLRDHUP, 0};
  while (poll(&hung_up, 1, 0) == 0 && silence() < std::chrono::seconds(20))
    client_.run_for(std::chrono::milliseconds(50));
  EXPECT_GE(silence(), std::chrono::seconds(2));
  EXPECT_LT(silence(), std::chrono::seconds(20));
  EXPECT_TRUE(application_.WaitForClosed(1));
  // The other one is older than a hang-up takes and goes on.
  while (pings < 3 && !has_message && silence() < std::chrono::seconds(20))
    client_.run_for(std::chrono::milliseconds(50));
  EXPECT_GE(pings, 3);
  EXPECT_FALSE(has_message) << quiet_error.message();
  quiet.write(asio::buffer(std::string("still there")));
  while (!has_message && silence() < std::chrono::seconds(30)) client_.run_for(std::chrono::milliseconds(50));
  EXPECT_EQ(beast::buffers_to_string(buffer.data()), "echo still there");
}

}  // namespace
}  // namespace byon::http
