#pragma once

#include "controlplane/api/exchange.h"

namespace byon::api {

// The operations of webrtc-call-handling v0.4 (CAMARA r3.1).
class CallApi {
 public:
  CallApi(gateway::Service& service, Strictness strictness)
      : service_(service), is_compat_(strictness == Strictness::kCompat) {}

  void Create(const ExchangePointer& exchange);
  void Get(const ExchangePointer& exchange);
  void ChangeStatus(const ExchangePointer& exchange);
  void Delete(const ExchangePointer& exchange);

 private:
  // Members that CAMARA's flow documents repeat with a status change; they must say what is known already.
  bool RepeatsSession(const Exchange& exchange, const nlohmann::json& body, std::string& mistake);

  gateway::Service& service_;
  const bool is_compat_;
};

}  // namespace byon::api
