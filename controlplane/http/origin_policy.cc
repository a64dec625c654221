#include "controlplane/http/origin_policy.h"

#include <algorithm>

namespace byon::http {

bool OriginPolicy::IsAllowed(std::string_view origin) const {
  return std::ranges::find(allowed_, origin) != allowed_.end();
}

bool OriginPolicy::MayOpenWebSocket(std::string_view origin, std::string_view host, std::string_view scheme) const {
  if (origin.empty() || origin == public_url_ || IsAllowed(origin)) return true;
  // The same page reached by another name of this host, e.g. localhost: same origin all the same.
  const size_t end = origin.find("://");
  if (end == std::string_view::npos || host.empty() || origin.substr(end + 3) != host) return false;
  return scheme.empty() || origin.substr(0, end) == scheme;
}

OriginPolicy::Headers OriginPolicy::AnswerHeaders(std::string_view origin) const {
  if (origin.empty() || !IsAllowed(origin)) return {};
  return {
      {"access-control-allow-origin", std::string(origin)},
      {"access-control-expose-headers", "x-correlator, location, retry-after, link, x-total-count, content-last-key"},
      {"vary", "origin"}};
}

OriginPolicy::Headers OriginPolicy::PreflightHeaders(std::string_view origin) const {
  Headers headers = AnswerHeaders(origin);
  if (headers.empty()) return headers;
  headers.emplace_back("access-control-allow-methods", "GET, POST, PUT, DELETE");
  headers.emplace_back("access-control-allow-headers",
                       "authorization, content-type, idempotency-key, x-correlator, registrationid, x-byon-extensions");
  headers.emplace_back("access-control-max-age", "600");
  return headers;
}

}  // namespace byon::http
