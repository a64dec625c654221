#pragma once

#include "controlplane/api/exchange.h"
#include "controlplane/gateway/presence_service.h"

namespace byon::api {

inline constexpr char kReadPresence[] = "byon:presence:read";
inline constexpr char kWritePresence[] = "byon:presence:write";

// /byon/v1/presence, see openapi/byon-v1.yaml.
class PresenceApi {
 public:
  explicit PresenceApi(gateway::PresenceService& service) : service_(service) {}

  void List(const ExchangePointer& exchange);
  void Get(const ExchangePointer& exchange);
  void Watch(const ExchangePointer& exchange);
  void Unwatch(const ExchangePointer& exchange);

 private:
  gateway::PresenceService& service_;
};

nlohmann::json PresenceBody(const presence::PresenceState& state);

}  // namespace byon::api
