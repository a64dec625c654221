#pragma once

#include "controlplane/api/application.h"
#include "controlplane/api/channel/channel_registry.h"
#include "controlplane/api/events/subscription_registry.h"
#include "controlplane/api/token_service.h"
#include "controlplane/gateway/gateway.h"
#include "controlplane/gateway/messaging.h"
#include "controlplane/gateway/presence.h"
#include "controlplane/http/http_server.h"
#include "controlplane/media/dataplane_client.h"
#include "controlplane/operators/operator_directory.h"
#include "controlplane/runtime/config.h"
#include "controlplane/runtime/open_files.h"
#include "controlplane/runtime/subscriber_file.h"
#include "controlplane/sip/sip_config.h"
#include "controlplane/web_sip/web_sip_config.h"

namespace byon {

// An operator's configuration, cut into what each room asks for.
gateway::GatewayConfig GatewaySettings(const runtime::Config& config);
messaging::MessagingConfig MessagingSettings(const runtime::Config& config);
presence::PresenceConfig PresenceSettings(const runtime::Config& config);
sip::SipConfig SipSettings(const runtime::Config& config);
// The URI of a P-CSCF. `transport`: as in the configuration.
std::string HopUri(const runtime::Endpoint& endpoint, const std::string& transport);
// Reads the certificates; throws std::runtime_error when a file cannot be read. `controller_id`: in whose name
// sessions are made, the same after a restart.
media::DataplaneClientConfig MediaSettings(const runtime::Config& config, const std::string& controller_id);
api::TokenServiceConfig TokenSettings(const runtime::OperatorConfig& config);
api::SubscriptionConfig SubscriptionSettings(const runtime::Config& config);
api::ChannelConfig ChannelSettings(const runtime::Config& config);
api::ApiConfig ApiSettings(const runtime::Config& config, const std::string& version, const api::PushApiConfig& push);
web_sip::WebSipConfig WebSipSettings(const runtime::Config& config);
runtime::SubscriberTemplate SubscriberRule(const runtime::Config& config);

// Requests of an operator that may be under way at a time.
inline constexpr size_t kMaxIdentityRequests = 64;  // keys of its issuers, and opaque tokens, a few at a time
inline constexpr size_t kMaxWebhookRequests = 512;
inline constexpr size_t kMaxPushRequests = 256;

// What the process may hold open beside the connections of limits.connections, part by part.
std::vector<runtime::OpenFiles> OpenFilesBesideConnections(const runtime::LoadedConfig& loaded);

// What the operators share.
http::HttpServerConfig HttpSettings(const runtime::LoadedConfig& loaded);
std::vector<operators::OperatorEntry> DirectorySettings(const std::vector<runtime::OperatorConfig>& operators);

}  // namespace byon
