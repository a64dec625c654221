#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace byon::test {

// A small HTTP server for tests, on the test's own io_context: one request per connection, answered by
// `answer` with a whole HTTP response text; empty leaves the client waiting.
class TestHttpServer {
 public:
  struct Request {
    std::string head;  // request line and headers
    std::string body;
  };
  using Answer = std::function<std::string(const Request&)>;

  TestHttpServer(boost::asio::io_context& context, Answer answer)
      : acceptor_(context, {boost::asio::ip::make_address("127.0.0.1"), 0}), answer_(std::move(answer)) {
    Accept();
  }

  unsigned port() const { return acceptor_.local_endpoint().port(); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port()); }
  const std::vector<Request>& requests() const { return requests_; }
  void Close() { acceptor_.close(); }

  static std::string Json(int status, const std::string& body, const std::string& more_headers = "") {
    return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Type: application/json\r\nConnection: close\r\n" +
           more_headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

 private:
  struct Connection {
    explicit Connection(boost::asio::ip::tcp::socket s) : socket(std::move(s)) {}
    boost::asio::ip::tcp::socket socket;
    std::string buffer;
    std::string answer;
  };

  void Accept() {
    acceptor_.async_accept([this](boost::system::error_code error, boost::asio::ip::tcp::socket socket) {
      if (error) return;
      auto connection = std::make_shared<Connection>(std::move(socket));
      boost::asio::async_read_until(connection->socket, boost::asio::dynamic_buffer(connection->buffer), "\r\n\r\n",
                                    [this, connection](boost::system::error_code failed, size_t length) {
                                      if (!failed) ReadBody(connection, length);
                                    });
      Accept();
    });
  }

  void ReadBody(const std::shared_ptr<Connection>& connection, size_t head_length) {
    Request request{connection->buffer.substr(0, head_length), connection->buffer.substr(head_length)};
    size_t length = 0;
    for (const char* name : {"Content-Length: ", "content-length: "}) {
      const size_t at = request.head.find(name);
      if (at != std::string::npos) length = std::stoul(request.head.substr(at + 16));
    }
    const size_t missing = length > request.body.size() ? length - request.body.size() : 0;
    connection->buffer.clear();
    boost::asio::async_read(connection->socket, boost::asio::dynamic_buffer(connection->buffer),
                            boost::asio::transfer_exactly(missing),
                            [this, connection, request](boost::system::error_code error, size_t) mutable {
                              if (error) return;
                              request.body += connection->buffer;
                              requests_.push_back(request);
                              connection->answer = answer_(request);
                              if (connection->answer.empty()) {
                                waiting_.push_back(connection);
                                return;
                              }
                              boost::asio::async_write(connection->socket, boost::asio::buffer(connection->answer),
                                                       [connection](boost::system::error_code, size_t) {});
                            });
  }

  boost::asio::ip::tcp::acceptor acceptor_;
  Answer answer_;
  std::vector<Request> requests_;
  std::vector<std::shared_ptr<Connection>> waiting_;
};

}  // namespace byon::test
