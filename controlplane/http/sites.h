#pragma once

#include <vector>

#include "controlplane/api/host_table.h"
#include "controlplane/http/http_server.h"
#include "controlplane/http/origin_policy.h"
#include "controlplane/http/security_headers.h"

namespace byon::http {

// What holds under one name.
struct SiteRules {
  SiteRules(const HttpSite& site, bool has_tls)
      : origins(site.public_url, site.cors_origins),
        security(site.csp_connect_sources, has_tls || site.public_url.starts_with("https://")) {}
  OriginPolicy origins;
  SecurityHeaders security;
};

// The rules of every name under which the server is reached.
class Sites {
 public:
  explicit Sites(const HttpServerConfig& config) {
    rules_.emplace_back(config.site, !config.tls.empty());
    for (const auto& [hosts, site] : config.host_sites) {
      for (const std::string& host : hosts) hosts_.Add(host, rules_.size());
      rules_.emplace_back(site, !config.tls.empty());
    }
  }
  const SiteRules& Of(const api::HttpRequest& request) const {
    const std::string* host = request.Header("host");
    return rules_[host == nullptr ? 0 : hosts_.Find(*host).value_or(0)];
  }

 private:
  std::vector<SiteRules> rules_;  // the first is for all other hosts
  api::HostTable hosts_;
};

}  // namespace byon::http
