#pragma once

#include <string>

#include "controlplane/api/channel/channel_registry.h"
#include "controlplane/api/exchange.h"

namespace byon::api {

// The operations of webrtc-registration v0.4 (CAMARA r3.1) and v0.3 (r2.2).
class RegistrationApi {
 public:
  // `channel_url_base`: ws or wss URL to which a channelId is appended.
  RegistrationApi(gateway::Service& service, ChannelRegistry& channels, std::string channel_url_base)
      : service_(service), channels_(channels), channel_url_base_(std::move(channel_url_base)) {}

  void Create(const ExchangePointer& exchange);
  void List(const ExchangePointer& exchange);
  void Get(const ExchangePointer& exchange);
  void Update(const ExchangePointer& exchange);
  void Delete(const ExchangePointer& exchange);

 private:
  static bool MayRegister(const ExchangePointer& exchange, const std::string& number);
  void CreateAsR2_2(const ExchangePointer& exchange, gateway::RegistrationRequest request);
  void Answer(const ExchangePointer& exchange, int status, const gateway::Registration& registration);
  nlohmann::json Body(const Exchange& exchange, const gateway::Registration& registration);

  gateway::Service& service_;
  ChannelRegistry& channels_;
  const std::string channel_url_base_;
};

// The device as events know it: by the user of the token, or by its number with a 2-legged token.
gateway::DeviceKey DeviceKeyOf(const gateway::Principal& who, const std::string& device_id,
                               const std::string& phone_number);

}  // namespace byon::api
