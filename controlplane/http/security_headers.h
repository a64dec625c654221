#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controlplane/api/http_application.h"

namespace byon::http {

// The headers that tell browsers what our answers may be used for.
class SecurityHeaders {
 public:
  // `connect_sources`: origins that our page may talk to beside us; `is_https`: browsers reach us by TLS, here or at a
  // proxy in front.
  SecurityHeaders(const std::vector<std::string>& connect_sources, bool is_https);

  // The policy of a file of the web client.
  void AddToFile(api::HttpResponse& response) const;
  // Every answer's; what it has already is left as it is. `scheme`: how the client reached us, where a proxy said so:
  // over http nothing may be said of https (RFC 6797 section 7.2).
  void AddToAll(api::HttpResponse& response, std::string_view scheme = "") const;

 private:
  std::string page_policy_;
  bool is_https_;
};

}  // namespace byon::http
