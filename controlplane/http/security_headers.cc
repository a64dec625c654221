#include "controlplane/http/security_headers.h"

#include <algorithm>

namespace byon::http {
namespace {

bool Has(const api::HttpResponse& response, std::string_view name) {
  return std::any_of(response.headers.begin(), response.headers.end(),
                     [name](const auto& header) { return header.first == name; });
}

}  // namespace

SecurityHeaders::SecurityHeaders(const std::vector<std::string>& connect_sources, bool is_https)
    : page_policy_(
          "default-src 'self'; media-src 'self' blob:; img-src 'self' data:; "
          "frame-ancestors 'none'; base-uri 'none'; connect-src 'self' ws: wss:"),
      is_https_(is_https) {
  for (const std::string& source : connect_sources) page_policy_ += ' ' + source;
}

void SecurityHeaders::AddToFile(api::HttpResponse& response) const {
  response.headers.emplace_back("content-security-policy", page_policy_);
  // Of what a page may ask the user for, a phone needs these.
  response.headers.emplace_back("permissions-policy",
                                "microphone=(self), speaker-selection=(self), camera=(), geolocation=(self)");
  // A window that the page opens to sign in may still talk back to it.
  response.headers.emplace_back("cross-origin-opener-policy", "same-origin-allow-popups");
}

void SecurityHeaders::AddToAll(api::HttpResponse& response, std::string_view scheme) const {
  const auto add = [&response](const char* name, const char* value) {
    if (!Has(response, name)) response.headers.emplace_back(name, value);
  };
  add("x-content-type-options", "nosniff");
  add("referrer-policy", "no-referrer");
  add("x-frame-options", "DENY");
  // Data is no page: nothing in it may run or load (OWASP REST security).
  add("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
  // Pages that CORS lets in use fetch, to which this does not apply.
  add("cross-origin-resource-policy", "same-origin");
  add("cache-control", "no-store");
  if (scheme.empty() ? is_https_ : scheme == "https") add("strict-transport-security", "max-age=31536000");
}

}  // namespace byon::http
