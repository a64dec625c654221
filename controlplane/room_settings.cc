#include "controlplane/room_settings.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "controlplane/http_client/curl_http_client.h"

namespace byon {
namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

sdp::ImsCodec CodecNamed(const std::string& name) {
  if (name == "AMR") return sdp::ImsCodec::kAmr;
  if (name == "PCMU") return sdp::ImsCodec::kPcmu;
  if (name == "PCMA") return sdp::ImsCodec::kPcma;
  if (name == "opus") return sdp::ImsCodec::kOpus;
  return sdp::ImsCodec::kAmrWb;
}

std::string ReadText(const std::string& path) {
  if (path.empty()) return "";
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("The file " + path + " cannot be read.");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// scheme://host:port of a URL.
std::string OriginOf(const std::string& url) {
  const size_t start = url.find("://");
  return url.substr(0, url.find('/', start == url.npos ? 0 : start + 3));
}

std::vector<std::string> Words(const std::string& text) {
  std::stringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

void AddNew(std::vector<std::string>& list, const std::vector<std::string>& more) {
  for (const std::string& one : more) {
    if (std::find(list.begin(), list.end(), one) == list.end()) list.push_back(one);
  }
}

http::HttpSite SiteOf(const runtime::Config& config) {
  http::HttpSite site{config.http.public_url, config.http.cors_origins, {}};
  // A page that visitors may call from speaks to the gateway from where it is.
  for (const auto& campaign : config.click_to_call.campaigns) AddNew(site.cors_origins, campaign.allowed_origins);
  for (const auto& issuer : config.oauth.issuers) site.csp_connect_sources.push_back(OriginOf(issuer.issuer));
  return site;
}

// The schema has let nothing else pass.
call::HoldAudio HoldAudioNamed(const std::string& text) {
  using Kind = call::HoldAudio::Kind;
  constexpr std::string_view kAnnouncement = "announcement:";
  if (text.starts_with(kAnnouncement)) return {Kind::kAnnouncement, text.substr(kAnnouncement.size()), false};
  if (text == "comfort-noise") return {.kind = Kind::kComfortNoise};
  return {.kind = text == "none" ? Kind::kNone : Kind::kSilence};
}

}  // namespace

gateway::GatewayConfig GatewaySettings(const runtime::Config& config) {
  gateway::GatewayConfig settings;
  call::CallConfig& call = settings.call;
  call.ims.codecs.clear();
  for (const std::string& codec : config.ims.codecs) call.ims.codecs.push_back(CodecNamed(codec));
  call.ims.use_preconditions = config.ims.uses_preconditions;
  call.ims.uses_dtx = config.ims.uses_dtx;
  call.home_domain = config.ims.home_domain;
  call.sends_digits_by_info = config.ims.sends_digits_by_info;
  call.emergency_numbers = config.ims.emergency_numbers;
  call.barred_prefixes = config.ims.barred_prefixes;
  settings.pulls_calls = config.ims.pulls_calls;
  using ToPhone = call::MoveConfig::ToPhone;
  const auto& transfer = config.ims.transfer;
  call.move.to_phone = transfer.to_phone == "inter_ue" ? ToPhone::kInterUe
                       : transfer.to_phone == "refer"  ? ToPhone::kRefer
                                                       : ToPhone::kJoin;
  call.move.pulls_by_server = transfer.from_phone == "inter_ue";
  call.move.server_uri = transfer.scc_as;
  call.move.refers_to_server = transfer.inter_ue_refer == "scc_as";
  call.move.names_target_dialog = transfer.dialog == "target_dialog";
  call.move.finds_phone = transfer.asks_for_phone;
  call.fork.is_here = config.fork.is_here;
  call.fork.phone = config.fork.phone;
  if (config.fork.next_hop) call.fork.policy.next_hop = HopUri(*config.fork.next_hop, config.ims.transport);
  call.fork.policy.asserts_caller = config.fork.asserts_caller;
  if (config.fork.diversion == "diversion") call.fork.policy.diversion = call::DiversionHeader::kDiversion;
  if (config.fork.diversion == "history_info") call.fork.policy.diversion = call::DiversionHeader::kHistoryInfo;
  call.emergency.is_routed = config.emergency.is_routed;
  call.emergency.needs_location = config.emergency.needs_location;
  for (const auto& one : config.emergency.numbers) call.emergency.services[one.number] = one.urn;
  call.ring_timeout = config.calls.ring_timeout;
  call.tombstone = config.calls.tombstone;
  call.max_duration = config.calls.max_duration;
  call.decline_status = config.calls.decline_status;
  call.is_call_waiting_allowed = config.calls.is_call_waiting_allowed;
  call.plays_ringback = config.calls.plays_ringback;
  call.hold_audio = HoldAudioNamed(config.calls.hold_audio);
  call.web_rtc.accepts_red = config.calls.redundancy != "refuse";
  call.web_rtc.prefers_red = config.calls.redundancy == "prefer";
  call.max_calls_per_registration = config.calls.max_per_registration;
  call.max_calls_per_user = config.calls.max_per_user;
  call.max_calls = config.limits.calls;
  registration::RegistrationConfig& registration = settings.registration;
  registration.default_expiry = config.registration.default_expires;
  registration.min_expiry = config.registration.min_expires;
  registration.max_expiry = config.registration.max_expires;
  registration.token_grace = config.registration.token_grace;
  registration.push_expiry = config.push.keep_registration;
  registration.sip_expiry = config.ims.register_expires;
  registration.max_registrations_per_user = config.registration.max_per_user;
  registration.max_registrations_per_msisdn = config.registration.max_per_number;
  registration.max_devices_per_user = config.registration.max_devices_per_user;
  registration.max_registrations = config.limits.registrations;
  return settings;
}

messaging::MessagingConfig MessagingSettings(const runtime::Config& config) {
  messaging::MessagingConfig settings;
  settings.home_domain = config.ims.home_domain;
  settings.emergency_numbers = config.ims.emergency_numbers;
  settings.barred_prefixes = config.ims.barred_prefixes;
  settings.max_text_bytes = config.messages.max_text_bytes;
  settings.max_kept_per_number = config.messages.kept_per_number;
  settings.ttl = config.messages.ttl;
  settings.sent_per_minute = config.messages.sent_per_minute;
  settings.received_per_minute = config.messages.received_per_minute;
  return settings;
}

presence::PresenceConfig PresenceSettings(const runtime::Config& config) {
  const auto packages = [](const std::vector<std::string>& names) {
    std::vector<presence::Package> named;
    for (const std::string& name : names) {
      named.push_back(name == "dialog" ? presence::Package::kDialog : presence::Package::kPresence);
    }
    return named;
  };
  presence::PresenceConfig settings;
  settings.home_domain = config.ims.home_domain;
  settings.watched = packages(config.ims.watched_packages);
  settings.published = packages(config.ims.published_packages);
  settings.max_watched_per_number = config.limits.watched_per_number;
  return settings;
}

std::string HopUri(const runtime::Endpoint& endpoint, const std::string& transport) {
  const bool is_v6 = endpoint.address.find(':') != std::string::npos;
  return "sip:" + (is_v6 ? "[" + endpoint.address + "]" : endpoint.address) + ":" + std::to_string(endpoint.port) +
         (transport == "udp" ? "" : ";transport=" + transport);
}

sip::SipConfig SipSettings(const runtime::Config& config) {
  sip::SipConfig settings;
  const runtime::ImsSettings& ims = config.ims;
  settings.local_address = ims.local.address;
  settings.local_port = ims.local.port;
  settings.shards = ims.shards;
  settings.home_domain = ims.home_domain;
  settings.realm = ims.realm;
  for (const runtime::Endpoint& hop : ims.next_hops) settings.next_hops.push_back(HopUri(hop, ims.transport));
  settings.finds_next_hops = !ims.core_domain.empty();
  settings.waits_for_restore = true;
  settings.allowed_peers = ims.allowed_peers;
  if (config.fork.next_hop) AddNew(settings.allowed_peers, {config.fork.next_hop->address});
  if (ims.tls) {
    settings.tls = sip::SipTls{.ca_file = ims.tls->ca_file,
                               .certificate_file = ims.tls->certificate_file,
                               .private_key_file = ims.tls->private_key_file,
                               .peer_name = ims.tls_peer_name};
  }
  settings.profile = ims.profile == "trusted"          ? sip::SipProfile::kTrustedNode
                     : ims.profile == "trusted_access" ? sip::SipProfile::kTrustedAccess
                                                       : sip::SipProfile::kUserEquipment;
  settings.access_network_info = ims.p_access_network_info;
  settings.visited_network_id = ims.visited_network_id;
  settings.originating_ioi = ims.originating_ioi;
  settings.precondition = ims.uses_preconditions;
  settings.believes_verstat = ims.verstat == "believe";
  settings.accepts_refer = ims.refer == "accept";
  settings.reg_event = ims.uses_reg_event;
  settings.uses_gruu = ims.uses_gruu;
  settings.uses_outbound = ims.uses_outbound;
  settings.keepalive = ims.keepalive;
  settings.requests_per_second_per_peer = ims.peer_requests_per_second;
  settings.max_incoming_invites = ims.unanswered_invites;
  settings.session_expires = ims.session_expires;
  for (const runtime::Endpoint& hop : config.emergency.next_hops) {
    settings.emergency_next_hops.push_back(HopUri(hop, ims.transport));
  }
  const runtime::ClickToCallSettings& visitors = config.click_to_call;
  for (const runtime::Endpoint& hop : visitors.next_hops)
    settings.trunk.next_hops.push_back(HopUri(hop, ims.transport));
  settings.trunk.domain = visitors.domain;
  settings.trunk.has_charging_vector = visitors.has_charging_vector;
  settings.trunk.originating_ioi = visitors.originating_ioi;
  settings.trunk.incoming_status = visitors.incoming_status;
  for (const auto& campaign : visitors.campaigns) AddNew(settings.trunk.numbers, campaign.calling_numbers);
  return settings;
}

media::DataplaneClientConfig MediaSettings(const runtime::Config& config, const std::string& controller_id) {
  media::DataplaneClientConfig settings;
  settings.controller_id = controller_id;
  for (const runtime::DataplaneSettings& dataplane : config.dataplanes) {
    media::DataplaneAddress address;
    address.address = dataplane.address;
    if (dataplane.tls) {
      address.ca_pem = ReadText(dataplane.tls->ca_file);
      address.client_certificate_pem = ReadText(dataplane.tls->certificate_file);
      address.client_key_pem = ReadText(dataplane.tls->private_key_file);
    }
    settings.dataplanes.push_back(std::move(address));
  }
  return settings;
}

api::TokenServiceConfig TokenSettings(const runtime::OperatorConfig& one) {
  const runtime::Config& config = one.config;
  api::TokenServiceConfig settings;
  auth::TokenPolicy& policy = settings.policy;
  policy.algorithms.clear();
  for (const std::string& name : config.oauth.algorithms) {
    if (const auto algorithm = auth::ParseAlgorithm(name)) policy.algorithms.push_back(*algorithm);
  }
  for (const auto& issuer : config.oauth.issuers) {
    policy.issuers.push_back(issuer.issuer);
    if (!issuer.jwks_uri.empty()) settings.jwks_uris[issuer.issuer] = issuer.jwks_uri;
  }
  policy.audiences = config.oauth.audiences;
  policy.types = config.oauth.token_types;
  policy.number_claim = config.oauth.number_claim;
  policy.number_ranges = one.number_ranges;
  for (const auto& server : config.oauth.server_clients) {
    policy.server_clients.push_back({server.client_id, server.issuer, server.number_ranges});
  }
  // A business's server asks for its visitors' tokens and speaks for no number.
  for (const auto& campaign : config.click_to_call.campaigns) {
    for (const std::string& client : campaign.clients)
      policy.server_clients.push_back({client, policy.issuers.front(), {}});
  }
  policy.leeway = config.oauth.leeway;
  settings.ca_file = config.oauth.ca_file;
  if (const auto& introspection = config.oauth.introspection) {
    settings.introspection = api::IntrospectionConfig{introspection->endpoint, introspection->client_id,
                                                      introspection->client_secret, introspection->cache};
  }
  return settings;
}

api::SubscriptionConfig SubscriptionSettings(const runtime::Config& config) {
  api::SubscriptionConfig settings;
  settings.webhooks.may_use_private_networks = config.webhooks.may_use_private_networks;
  settings.webhooks.ca_file = config.webhooks.ca_file;
  settings.webhooks.timeout = config.webhooks.timeout;
  settings.webhooks.queue_events = config.webhooks.queue_events;
  settings.webhooks.max_attempts = config.webhooks.max_attempts;
  settings.max_expires = config.webhooks.max_expires;
  settings.max_per_user = config.limits.subscriptions_per_user;
  return settings;
}

api::ChannelConfig ChannelSettings(const runtime::Config& config) {
  api::ChannelConfig settings;
  settings.replay_events = config.events.replay_events;
  settings.replay_bytes = config.limits.websocket_queue_bytes;
  settings.replay = config.events.replay;
  settings.ttl = config.events.channel_ttl;
  settings.max_per_user = config.limits.channels_per_user;
  settings.max_per_client = config.limits.channels_per_client;
  return settings;
}

api::ApiConfig ApiSettings(const runtime::Config& config, const std::string& version, const api::PushApiConfig& push) {
  api::ApiConfig settings;
  settings.public_url = config.http.public_url;
  settings.api_root = config.http.api_root;
  const auto strictness = [](const std::string& name) {
    return name == "strict" ? api::Strictness::kStrict : api::Strictness::kCompat;
  };
  settings.r3_1 = strictness(config.api.r3_1);
  if (config.api.r2_2 == "off") {
    settings.r2_2.reset();
  } else {
    settings.r2_2 = strictness(config.api.r2_2);
  }
  settings.may_use_private_networks = config.webhooks.may_use_private_networks;
  settings.requests_per_second = config.limits.requests_per_second;
  settings.requests_per_second_per_user = config.limits.requests_per_second_per_user;
  settings.requests_per_second_per_client = config.limits.requests_per_second_per_client;
  settings.ice = {config.ice.stun_urls, config.ice.turn_urls, config.ice.turn_secret, config.ice.ttl};
  settings.page.issuer = config.oauth.issuers.front().issuer;
  settings.page.client_id = config.oauth.web_client_id;
  settings.page.scopes = Words(config.oauth.web_client_scopes);
  settings.page.resource = config.oauth.audiences.front();
  settings.page.version = version;
  settings.page.push = push;
  settings.page.routes_emergencies = config.emergency.is_routed;
  settings.page.emergency_numbers = {"112", "911"};
  AddNew(settings.page.emergency_numbers, config.ims.emergency_numbers);
  settings.connections.token_warning = config.events.token_warning;
  settings.connections.ping = config.events.ping;
  return settings;
}

web_sip::WebSipConfig WebSipSettings(const runtime::Config& config) {
  web_sip::WebSipConfig settings;
  const std::string& url = config.http.public_url;
  settings.path = config.http.api_root + config.web_sip.path;
  settings.domain = config.ims.home_domain;
  settings.host = url.substr(url.find("://") + 3);
  settings.authz_server = config.oauth.issuers.front().issuer;
  for (const std::string& name : config.web_sip.digest_algorithms) {
    settings.digest_algorithms.push_back(name == "MD5" ? auth::DigestAlgorithm::kMd5 : auth::DigestAlgorithm::kSha256);
  }
  settings.default_expires = config.registration.default_expires;
  settings.min_expires = config.registration.min_expires;
  settings.auth_timeout = config.web_sip.auth_timeout;
  settings.reconnect_grace = config.web_sip.reconnect_grace;
  settings.routes_emergencies = config.emergency.is_routed;
  settings.messages_per_second = config.web_sip.messages_per_second;
  settings.requests_per_second_per_user = config.web_sip.requests_per_second_per_user;
  return settings;
}

runtime::SubscriberTemplate SubscriberRule(const runtime::Config& config) {
  return {config.ims.home_domain, config.ims.impi_template, config.ims.impu_template, config.ims.password_template};
}

std::vector<runtime::OpenFiles> OpenFilesBesideConnections(const runtime::LoadedConfig& loaded) {
  using http_client::CurlHttpClient;
  constexpr size_t kOwn = 64;          // log, store, listeners, event loops, files that are read again while running
  constexpr size_t kMetrics = 20;      // 16 connections, the listener
  constexpr size_t kOfShard = 48;      // listeners, event loop, connections that peers open
  constexpr size_t kOfHop = 4;         // connections to a P-CSCF, and while one takes the other's place
  constexpr size_t kOfDataplane = 8;   // gRPC: a channel, its attempts, an event loop
  constexpr size_t kNameServers = 64;  // questions under way, where next hops are looked up
  runtime::OpenFiles webhooks{"webhooks"}, pushes{"pushes"}, identity{"identity providers"}, sip{"SIP"},
      media{"dataplanes"};
  for (const runtime::OperatorConfig& one : loaded.operators) {
    const runtime::Config& config = one.config;
    webhooks.count += CurlHttpClient::OpenFilesOf(kMaxWebhookRequests);
    identity.count += CurlHttpClient::OpenFilesOf(kMaxIdentityRequests);
    const bool pushes_something = config.push.web_push.is_enabled || !config.push.fcm.service_account_json.empty() ||
                                  !config.push.apns.key_pem.empty();
    if (pushes_something) pushes.count += CurlHttpClient::OpenFilesOf(kMaxPushRequests);
    const sip::SipConfig ims = SipSettings(config);
    const size_t hops = ims.next_hops.size() + ims.emergency_next_hops.size() + ims.trunk.next_hops.size();
    sip.count += ims.shards * (kOfShard + kOfHop * hops) + (config.ims.core_domain.empty() ? 0 : kNameServers);
    media.count += kOfDataplane * config.dataplanes.size();
  }
  std::vector<runtime::OpenFiles> parts{
      webhooks, identity, sip, media, {"the rest", kOwn + (loaded.config.metrics ? kMetrics : 0)}};
  if (pushes.count > 0) parts.insert(parts.begin() + 1, pushes);
  return parts;
}

http::HttpServerConfig HttpSettings(const runtime::LoadedConfig& loaded) {
  const runtime::Config& config = loaded.config;
  http::HttpServerConfig settings;
  const runtime::Limits& limits = config.limits;
  settings.address = config.http.listen.address;
  settings.port = config.http.listen.port;
  settings.web_dir = config.http.web_dir;
  if (config.http.tls) {
    const auto add = [&settings](const runtime::TlsFiles& files) {
      settings.tls.push_back({files.certificate_file, files.private_key_file});
    };
    add(*config.http.tls);
    std::for_each(config.http.more_certificates.begin(), config.http.more_certificates.end(), add);
  }
  settings.proxies = {config.http.trusted_proxies, config.http.uses_forwarded};
  // On a host of nobody's own every operator may be meant: a preflight shows no token.
  settings.site.public_url = config.http.public_url;
  bool has_sip = false;
  for (const runtime::OperatorConfig& one : loaded.operators) {
    http::HttpSite site = SiteOf(one.config);
    AddNew(settings.site.cors_origins, site.cors_origins);
    AddNew(settings.site.csp_connect_sources, site.csp_connect_sources);
    if (!one.hosts.empty()) settings.host_sites.push_back({one.hosts, std::move(site)});
    has_sip = has_sip || one.config.web_sip.is_enabled;
  }
  if (has_sip) settings.subprotocols.push_back("sip");
  settings.header_bytes = limits.header_bytes;
  settings.body_bytes = limits.body_bytes;
  settings.bodies_bytes_per_address = std::max(settings.bodies_bytes_per_address, 32 * limits.body_bytes);
  settings.bodies_bytes = std::max(settings.bodies_bytes, 16 * settings.bodies_bytes_per_address);
  settings.connections = limits.connections;
  settings.ipv6_prefix_length = limits.ipv6_prefix_length;
  settings.connections_per_address = limits.connections_per_address;
  settings.connections_per_second_per_address = limits.connections_per_second_per_address;
  settings.requests_per_second_per_address = limits.requests_per_second_per_address;
  settings.header_timeout = limits.header_timeout;
  settings.body_timeout = limits.body_timeout;
  settings.idle_timeout = limits.idle_timeout;
  settings.ping = config.events.ping;
  settings.websocket_message_bytes = limits.websocket_message_bytes;
  settings.websocket_queue_bytes = limits.websocket_queue_bytes;
  return settings;
}

std::vector<operators::OperatorEntry> DirectorySettings(const std::vector<runtime::OperatorConfig>& operators) {
  std::vector<operators::OperatorEntry> entries;
  for (const runtime::OperatorConfig& one : operators) {
    operators::OperatorEntry entry;
    entry.id = one.id;
    entry.hosts = one.hosts;
    for (const auto& issuer : one.config.oauth.issuers) entry.issuers.push_back(issuer.issuer);
    entry.number_ranges = one.number_ranges;
    entry.number_claim = one.config.oauth.number_claim;
    entry.introspects = one.config.oauth.introspection.has_value();
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace byon
