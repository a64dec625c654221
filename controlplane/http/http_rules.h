#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controlplane/api/http_application.h"

namespace byon::http {

// How a request's body is framed, or why it is refused.
struct BodyFraming {
  uint64_t length = 0;
  int refusal = 0;             // HTTP status; 0: good
  bool must_close = false;     // what follows on the connection cannot be told apart any more
};

// Judges the framing headers of a request by RFC 9112 section 6. `content_length` is the header as it came, all
// of its occurrences joined by commas. Chunked bodies are refused with 411: the server library would wait
// for ever. Methods that have no body here (GET, HEAD, DELETE, OPTIONS) may not bring one, because the library
// would take it for the next request.
[[nodiscard]] BodyFraming JudgeFraming(std::string_view method,
                                       const std::optional<std::string>& content_length,
                                       bool has_transfer_encoding, uint64_t max_body_bytes);

// Who may talk to us from a web page.
struct OriginPolicy {
  std::string own_origin;            // of the public URL
  std::vector<std::string> allowed;  // others, exact
  bool Allows(std::string_view origin) const;
};

using Headers = std::vector<std::pair<std::string, std::string>>;

// Access-Control-* for a request of a page of `origin` (Fetch standard); nothing for a foreign page.
Headers CorsHeaders(const OriginPolicy& policy, const std::string* origin, bool is_preflight);
// Security headers of every answer; `connect_sources` are origins that the page may fetch from.
Headers SecurityHeaders(const std::vector<std::string>& connect_sources, bool is_page, bool is_tls);

// An error of the server itself in the API's form.
api::HttpResponse ServerError(int status, std::string_view code, std::string_view message);

}  // namespace byon::http
