#pragma once

#include <string>
#include <vector>

#include "controlplane/api/channel_registry.h"
#include "controlplane/api/exchange.h"

namespace byon::api {

// What the web page must know to log in.
struct PageConfig {
  std::string issuer;
  std::string client_id;
  std::vector<std::string> scopes;
  std::string resource;
  std::string api_root;  // public URL with the path prefix
  std::string version;
};

// The operations of /byon/v1, see openapi/byon-v1.yaml.
class ExtensionApi {
 public:
  ExtensionApi(gateway::Service& service, ChannelRegistry& channels, PageConfig page,
               std::string channel_url_base)
      : service_(service), channels_(channels), page_(std::move(page)),
        channel_url_base_(std::move(channel_url_base)) {}

  void Config(const ExchangePointer& exchange);
  void CreateChannel(const ExchangePointer& exchange);
  void DeleteChannel(const ExchangePointer& exchange);
  void ListCalls(const ExchangePointer& exchange);
  void SendDtmf(const ExchangePointer& exchange);
  void Quality(const ExchangePointer& exchange);

 private:
  gateway::Service& service_;
  ChannelRegistry& channels_;
  const PageConfig page_;
  const std::string channel_url_base_;
};

}  // namespace byon::api
