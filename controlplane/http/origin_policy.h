#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace byon::http {

// Which web pages may use us: our own (same origin as public_url) and the configured ones.
class OriginPolicy {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  OriginPolicy(std::string public_url, std::vector<std::string> allowed)
      : public_url_(std::move(public_url)), allowed_(std::move(allowed)) {}

  // A WebSocket upgrade: programs send no Origin, pages always do. `host` is the request's Host, `scheme` how the
  // client reached us ("https"); empty where that is not known.
  bool MayOpenWebSocket(std::string_view origin, std::string_view host, std::string_view scheme = "") const;
  // CORS headers of an answer; empty unless a foreign page that may call us asked (Fetch standard).
  Headers AnswerHeaders(std::string_view origin) const;
  // Those of the answer to a preflight.
  Headers PreflightHeaders(std::string_view origin) const;

 private:
  bool IsAllowed(std::string_view origin) const;

  std::string public_url_;
  std::vector<std::string> allowed_;
};

}  // namespace byon::http
