#pragma once

#include "controlplane/api/application.h"
#include "controlplane/api/channel_registry.h"
#include "controlplane/api/subscription_registry.h"
#include "controlplane/api/token_service.h"
#include "controlplane/gateway/gateway.h"
#include "controlplane/http/http_server.h"
#include "controlplane/media/dataplane_client.h"
#include "controlplane/runtime/config.h"
#include "controlplane/runtime/subscriber_file.h"
#include "controlplane/sip/sip_config.h"
#include "controlplane/web_sip/web_sip_config.h"

namespace byon {

// The one configuration, cut into what each room asks for.
gateway::GatewayConfig GatewaySettings(const runtime::Config& config);
sip::SipConfig SipSettings(const runtime::Config& config);
// Reads the certificates; throws std::runtime_error when a file cannot be read.
media::DataplaneClientConfig MediaSettings(const runtime::Config& config);
http::HttpServerConfig HttpSettings(const runtime::Config& config);
api::TokenServiceConfig TokenSettings(const runtime::Config& config);
api::SubscriptionConfig SubscriptionSettings(const runtime::Config& config);
api::ChannelConfig ChannelSettings(const runtime::Config& config);
api::ApiConfig ApiSettings(const runtime::Config& config, const std::string& version, const api::PushApiConfig& push);
web_sip::WebSipConfig WebSipSettings(const runtime::Config& config);
runtime::SubscriberTemplate SubscriberRule(const runtime::Config& config);

}  // namespace byon
