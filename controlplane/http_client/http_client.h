#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace byon::http_client {

struct Request {
  std::string method = "GET";  // GET or POST
  std::string url;             // http or https
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::chrono::milliseconds timeout{5000};
  size_t max_response_bytes = 1 << 20;
  // False: an address that is not on the public Internet is refused after each name resolution, so that
  // a URL given by a stranger cannot reach into this network (SSRF).
  bool may_use_private_addresses = true;
  std::string ca_file;  // empty: the system's
  // On whose behalf it is sent, and how many of theirs may be under way: a few whose servers do not answer must not
  // hold up everybody else. Empty: our own, without such a bound.
  std::string account;
  size_t max_of_account = 16;
  // HTTP/2 where the server offers it (ALPN), many requests on one connection; else HTTP/1.1.
  bool may_use_http2 = false;
};

struct Response {
  int status = 0;
  std::string body;
  std::chrono::seconds retry_after{0};  // 0: the header was not there
};

enum class Failure {
  kBadUrl,          // not http(s), or malformed
  kRefusedAddress,  // private address where only public ones are allowed
  kUnreachable,     // name or connection
  kTls,             // certificate or handshake
  kTimeout,
  kTooLarge,
  kBusy,  // too many requests under way, or of the account
};
const char* ToString(Failure failure);

using Result = std::variant<Response, Failure>;

// Sends HTTP requests, never follows a redirect, never uses a proxy of the environment. Callbacks come on
// the executor that the implementation was made with, never from within Send.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  virtual void Send(Request request, std::function<void(Result)> done) = 0;
};

}  // namespace byon::http_client
