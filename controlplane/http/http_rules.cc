#include "controlplane/http/http_rules.h"

#include <algorithm>

namespace byon::http {

BodyFraming JudgeFraming(std::string_view method, const std::optional<std::string>& content_length,
                         bool has_transfer_encoding, uint64_t max_body_bytes) {
  const bool may_have_body = method == "POST" || method == "PUT" || method == "PATCH";
  // Both headers together are how requests are smuggled (RFC 9112 section 6.3).
  if (has_transfer_encoding) return {0, content_length ? 400 : 411, true};
  // Without a length there is no body; but the library waits for one after these methods, so the connection
  // ends with the answer.
  if (!content_length) return {0, 0, may_have_body};
  const bool is_number = !content_length->empty() && content_length->size() <= 10 &&
                         std::all_of(content_length->begin(), content_length->end(),
                                     [](char c) { return c >= '0' && c <= '9'; });
  if (!is_number) return {0, 400, true};
  const uint64_t length = std::stoull(*content_length);
  if (length > 0 && !may_have_body) return {0, 400, true};
  if (length > max_body_bytes) return {0, 413, true};
  return {length, 0, false};
}

bool OriginPolicy::Allows(std::string_view origin) const {
  return origin == own_origin || std::find(allowed.begin(), allowed.end(), origin) != allowed.end();
}

Headers CorsHeaders(const OriginPolicy& policy, const std::string* origin, bool is_preflight) {
  Headers headers;
  if (origin == nullptr) return headers;
  headers.emplace_back("Vary", "Origin");
  if (!policy.Allows(*origin)) return headers;
  headers.emplace_back("Access-Control-Allow-Origin", *origin);
  if (!is_preflight) {
    headers.emplace_back("Access-Control-Expose-Headers", "x-correlator, Retry-After");
    return headers;
  }
  headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE");
  headers.emplace_back("Access-Control-Allow-Headers",
                       "authorization, content-type, registrationId, x-byon-extensions, x-correlator");
  headers.emplace_back("Access-Control-Max-Age", "600");
  return headers;
}

Headers SecurityHeaders(const std::vector<std::string>& connect_sources, bool is_page, bool is_tls) {
  Headers headers{{"X-Content-Type-Options", "nosniff"}, {"Referrer-Policy", "no-referrer"}};
  if (is_tls) headers.emplace_back("Strict-Transport-Security", "max-age=31536000");
  if (!is_page) {
    headers.emplace_back("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    return headers;
  }
  std::string connect = "connect-src 'self'";
  for (const std::string& source : connect_sources) connect += " " + source;
  headers.emplace_back("Content-Security-Policy",
                       "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                       "media-src 'self' blob:; font-src 'self'; manifest-src 'self'; " +
                           connect + "; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
  headers.emplace_back("Permissions-Policy", "microphone=(self), camera=(), geolocation=()");
  headers.emplace_back("X-Frame-Options", "DENY");
  return headers;
}

api::HttpResponse ServerError(int status, std::string_view code, std::string_view message) {
  return {status,
          {{"Content-Type", "application/json"}},
          "{\"status\":" + std::to_string(status) + ",\"code\":\"" + std::string(code) + "\",\"message\":\"" +
              std::string(message) + "\"}"};
}

}  // namespace byon::http
