#pragma once

#include <string>
#include <vector>

#include "controlplane/api/exchange.h"
#include "controlplane/gateway/service.h"

namespace byon::api {

struct PushApiConfig {
  std::vector<std::string> types;  // what is served: "web-push", "fcm", "apns"
  std::string vapid_public_key;    // base64url; empty without web-push
  std::vector<std::string> web_push_hosts;
};

// Where the device of a registration can be woken: /byon/v1/registrations/{registrationId}/push, see
// openapi/byon-v1.yaml.
class PushApi {
 public:
  PushApi(gateway::Service& service, PushApiConfig config) : service_(service), config_(std::move(config)) {}

  void Set(const ExchangePointer& exchange);
  void Get(const ExchangePointer& exchange);
  void Delete(const ExchangePointer& exchange);

 private:
  gateway::Service& service_;
  const PushApiConfig config_;
};

}  // namespace byon::api
