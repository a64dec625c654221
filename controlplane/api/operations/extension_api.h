#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "controlplane/api/channel/channel_registry.h"
#include "controlplane/api/exchange.h"
#include "controlplane/api/operations/push_api.h"

namespace byon::api {

// What the web page must know to log in.
struct PageConfig {
  bool routes_emergencies = false;
  std::vector<std::string> emergency_numbers;  // as they are dialled
  std::string issuer;
  std::string client_id;
  std::vector<std::string> scopes;
  std::string resource;
  std::string api_root;  // public URL with the path prefix
  std::string version;
  PushApiConfig push;
};

// STUN and TURN servers that browsers are told of.
struct IceConfig {
  std::vector<std::string> stun_urls;
  std::vector<std::string> turn_urls;
  std::string turn_secret;  // shared with the TURN servers
  std::chrono::seconds ttl{3600};
};

// The operations of /byon/v1, see openapi/byon-v1.yaml.
class ExtensionApi {
 public:
  ExtensionApi(gateway::Service& service, ChannelRegistry& channels, PageConfig page, IceConfig ice, Clock now,
               std::string channel_url_base)
      : service_(service),
        channels_(channels),
        page_(std::move(page)),
        ice_(std::move(ice)),
        now_(std::move(now)),
        channel_url_base_(std::move(channel_url_base)) {}

  void Config(const ExchangePointer& exchange);
  void CreateChannel(const ExchangePointer& exchange);
  void DeleteChannel(const ExchangePointer& exchange);
  void ListRegistrations(const ExchangePointer& exchange);
  void ListCalls(const ExchangePointer& exchange);
  void CallDetails(const ExchangePointer& exchange);
  void IceServers(const ExchangePointer& exchange);
  void ChangeLocation(const ExchangePointer& exchange);
  void SendDtmf(const ExchangePointer& exchange);
  void Transfer(const ExchangePointer& exchange);
  void CancelTransfer(const ExchangePointer& exchange);
  void ListElsewhere(const ExchangePointer& exchange);
  void Pull(const ExchangePointer& exchange);
  void Play(const ExchangePointer& exchange);
  void StopPlaying(const ExchangePointer& exchange);
  void Quality(const ExchangePointer& exchange);

 private:
  gateway::Service& service_;
  ChannelRegistry& channels_;
  const PageConfig page_;
  const IceConfig ice_;
  const Clock now_;
  const std::string channel_url_base_;
};

}  // namespace byon::api
