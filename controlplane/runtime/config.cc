#include "controlplane/runtime/config.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "controlplane/auth/signing_key.h"
#include "controlplane/runtime/click_to_call_check.h"
#include "controlplane/runtime/config_mistakes.h"
#include "controlplane/runtime/config_reader.h"
#include "controlplane/runtime/config_schema.h"
#include "controlplane/runtime/operators_check.h"
#include "controlplane/runtime/schema_check.h"
#include "controlplane/runtime/yaml_document.h"

namespace byon::runtime {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::string Lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

}  // namespace

void ConfigReader::ReadHttp() {
  HttpConfig& http = config_.http;
  GetEndpoint("/http/listen", http.listen);
  Get("/http/api_root", http.api_root);
  GetPath("/http/web_dir", http.web_dir);
  if (!http.web_dir.empty() && !std::filesystem::is_directory(http.web_dir)) {
    Mistake("/http/web_dir", "http.web_dir is \"" + http.web_dir + "\"; it must be a folder.");
  }
  http.tls = GetTls("/http/tls");
  if (const json* more = At("/http/tls/certificates")) {
    for (size_t i = 0; i < more->size(); ++i)
      http.more_certificates.push_back(*GetTls("/http/tls/certificates/" + std::to_string(i)));
  }
  if (const json* proxies = At("/http/trusted_proxies")) {
    for (size_t i = 0; i < proxies->size(); ++i) {
      if (http.trusted_proxies.Add(proxies->at(i).get<std::string>())) continue;
      const std::string pointer = "/http/trusted_proxies/" + std::to_string(i);
      Mistake(pointer,
              Key(pointer) + " is " + proxies->at(i).dump() +
                  "; it must be an IP address, or a network like 10.0.0.0/8 that does not mean everybody and has "
                  "no bits beyond its length.");
    }
  }
  std::string header = "x-forwarded-for";
  Get("/http/proxy_header", header);
  http.uses_forwarded = header == "forwarded";
}

void ConfigReader::ReadWebSip() {
  WebSipSettings& sip = config_.web_sip;
  Get("/sip_websocket/enabled", sip.is_enabled);
  Get("/sip_websocket/path", sip.path);
  Get("/sip_websocket/digest_algorithms", sip.digest_algorithms);
  Get("/sip_websocket/auth_timeout_s", sip.auth_timeout);
  Get("/sip_websocket/reconnect_grace_s", sip.reconnect_grace);
  Get("/sip_websocket/messages_per_second", sip.messages_per_second);
  Get("/sip_websocket/requests_per_second_per_user", sip.requests_per_second_per_user);
}

void ConfigReader::ReadOauth() {
  OauthConfig& oauth = config_.oauth;
  if (const json* issuers = At("/oauth/issuers")) {
    for (const json& one : *issuers) {
      oauth.issuers.push_back({one.at("issuer").get<std::string>(), one.value("jwks_uri", "")});
    }
  }
  Get("/oauth/audience", oauth.audiences);
  Get("/oauth/algorithms", oauth.algorithms);
  Get("/oauth/token_types", oauth.token_types);
  Get("/oauth/number_claim", oauth.number_claim);
  Get("/oauth/leeway_s", oauth.leeway);
  GetFile("/oauth/ca_file", oauth.ca_file);
  Get("/oauth/web_client/client_id", oauth.web_client_id);
  Get("/oauth/web_client/scopes", oauth.web_client_scopes);
  ReadServerClients();
  if (At("/oauth/introspection") == nullptr) return;
  OauthConfig::Introspection introspection;
  Get("/oauth/introspection/endpoint", introspection.endpoint);
  Get("/oauth/introspection/client_id", introspection.client_id);
  Get("/oauth/introspection/cache_s", introspection.cache);
  std::string secret_file;
  GetFile("/oauth/introspection/client_secret_file", secret_file);
  introspection.client_secret = Trimmed(ReadFile(secret_file).value_or(""));
  oauth.introspection = std::move(introspection);
}

void ConfigReader::ReadIms() {
  ImsSettings& ims = config_.ims;
  Get("/ims/profile", ims.profile);
  Get("/ims/home_domain", ims.home_domain);
  Get("/ims/realm", ims.realm);
  GetEndpoint("/ims/local", ims.local);
  if (const json* hops = At("/ims/next_hops")) {
    for (size_t i = 0; i < hops->size(); ++i) {
      GetEndpoint("/ims/next_hops/" + std::to_string(i), ims.next_hops.emplace_back());
    }
  }
  Get("/ims/core_domain", ims.core_domain);
  if (const json* servers = At("/ims/dns_servers")) {
    for (size_t i = 0; i < servers->size(); ++i) ReadNameServer("/ims/dns_servers/" + std::to_string(i));
  }
  Get("/ims/allowed_peers", ims.allowed_peers);
  Get("/ims/transport", ims.transport);
  ims.tls = GetTls("/ims/tls");
  Get("/ims/tls/peer_name", ims.tls_peer_name);
  Get("/ims/shards", ims.shards);
  Get("/ims/p_access_network_info", ims.p_access_network_info);
  Get("/ims/visited_network_id", ims.visited_network_id);
  Get("/ims/originating_ioi", ims.originating_ioi);
  Get("/ims/preconditions", ims.uses_preconditions);
  Get("/ims/session_expires_s", ims.session_expires);
  Get("/ims/reg_event", ims.uses_reg_event);
  Get("/ims/gruu", ims.uses_gruu);
  Get("/ims/outbound", ims.uses_outbound);
  Get("/ims/keepalive_s", ims.keepalive);
  Get("/ims/peer_requests_per_second", ims.peer_requests_per_second);
  Get("/ims/unanswered_invites", ims.unanswered_invites);
  Get("/ims/register_expires_s", ims.register_expires);
  Get("/ims/publish", ims.published_packages);
  Get("/ims/watch", ims.watched_packages);
  Get("/ims/call_pull", ims.pulls_calls);
  Get("/ims/refer", ims.refer);
  Get("/ims/verstat", ims.verstat);
  Get("/ims/transfer/to_phone", ims.transfer.to_phone);
  Get("/ims/transfer/from_phone", ims.transfer.from_phone);
  Get("/ims/transfer/scc_as", ims.transfer.scc_as);
  Get("/ims/transfer/inter_ue_refer", ims.transfer.inter_ue_refer);
  Get("/ims/transfer/dialog", ims.transfer.dialog);
  Get("/ims/transfer/phone_gruu", ims.transfer.asks_for_phone);
  Get("/ims/barred_prefixes", ims.barred_prefixes);
  Get("/ims/codecs", ims.codecs);
  Get("/ims/dtx", ims.uses_dtx);
  Get("/ims/dtmf_info", ims.sends_digits_by_info);
  Get("/ims/emergency_numbers", ims.emergency_numbers);
  GetFile("/ims/subscribers_file", ims.subscribers_file);
  Get("/ims/credential_template/impi", ims.impi_template);
  Get("/ims/credential_template/impu", ims.impu_template);
  Get("/ims/credential_template/password", ims.password_template);
  ReadFork();
}

void ConfigReader::ReadFork() {
  ForkSettings& fork = config_.fork;
  std::string place = "core";
  Get("/ims/fork/in", place);
  fork.is_here = place == "gateway";
  Get("/ims/fork/phone", fork.phone);
  if (At("/ims/fork/next_hop") != nullptr) GetEndpoint("/ims/fork/next_hop", fork.next_hop.emplace());
  Get("/ims/fork/asserts_caller", fork.asserts_caller);
  Get("/ims/fork/diversion", fork.diversion);
  if (fork.is_here && fork.phone.empty()) {
    Mistake("/ims/fork",
            "ims.fork.phone is missing; with ims.fork.in gateway it must say where a number's phone is: a "
            "sip: or tel: URI with {number} or {digits}.");
  }
}

void ConfigReader::ReadNameServer(const std::string& pointer) {
  const std::string text = At(pointer)->get<std::string>();
  const bool has_port = text.find(':', text.starts_with("[") ? text.find(']') : 0) != text.npos;
  const auto endpoint = ParseEndpoint(has_port ? text : text + ":53");
  if (!endpoint || endpoint->port == 0) {
    return Mistake(pointer, Key(pointer) + " is \"" + text +
                                "\"; it must be an IP address, with or without a port from 1 to 65535.");
  }
  config_.ims.dns_servers.push_back(*endpoint);
}

void ConfigReader::ReadEmergency() {
  EmergencySettings& settings = config_.emergency;
  std::string policy = "refuse";
  Get("/emergency/policy", policy);
  settings.is_routed = policy == "route";
  std::string location = "required";
  Get("/emergency/location", location);
  settings.needs_location = location == "required";
  std::string country;
  Get("/emergency/country", country);
  if (!country.empty() && !emergency::KnowsCountry(country)) {
    Mistake("/emergency/country",
            "emergency.country is \"" + country +
                "\"; its numbers are not known here: leave it empty and list them in emergency.numbers.");
  }
  settings.numbers = emergency::NumbersOf(country);
  if (const json* numbers = At("/emergency/numbers")) {
    for (const json& one : *numbers) {
      const auto number = one["number"].get<std::string>();
      const std::string service = one.value("service", "");
      std::erase_if(settings.numbers, [&](const auto& known) { return known.number == number; });
      if (service != "none") {
        settings.numbers.push_back({number, "urn:service:sos" + (service.empty() ? "" : "." + service)});
      } else if (number == "112" || number == "911") {
        Mistake("/emergency/numbers",
                "emergency.numbers says service none of " + number + ", which is an emergency number everywhere.");
      }
    }
  }
  if (const json* hops = At("/emergency/next_hops")) {
    for (size_t i = 0; i < hops->size(); ++i) {
      GetEndpoint("/emergency/next_hops/" + std::to_string(i), settings.next_hops.emplace_back());
    }
  }
  if (settings.is_routed && settings.next_hops.empty() && config_.ims.profile == "trusted") {
    Mistake("/emergency/policy",
            "emergency.policy route needs emergency.next_hops with ims.profile trusted: an S-CSCF takes no "
            "emergency calls.");
  }
  // All of them, wherever it only matters that a number is one.
  std::vector<std::string>& all = config_.ims.emergency_numbers;
  for (const auto& one : settings.numbers) {
    if (std::find(all.begin(), all.end(), one.number) == all.end()) all.push_back(one.number);
  }
}

void ConfigReader::ReadClickToCall() {
  ClickToCallSettings& settings = config_.click_to_call;
  if (const json* hops = At("/click_to_call/trunk/next_hops")) {
    for (size_t i = 0; i < hops->size(); ++i) {
      GetEndpoint("/click_to_call/trunk/next_hops/" + std::to_string(i), settings.next_hops.emplace_back());
    }
  }
  Get("/click_to_call/trunk/domain", settings.domain);
  Get("/click_to_call/trunk/charging_vector", settings.has_charging_vector);
  Get("/click_to_call/trunk/originating_ioi", settings.originating_ioi);
  Get("/click_to_call/incoming_status", settings.incoming_status);
  if (const json* campaigns = At("/click_to_call/campaigns")) settings.campaigns = ReadCampaigns(*campaigns);
  for (const ClickToCallMistake& mistake : CheckClickToCall(config_)) Mistake(mistake.pointer, mistake.sentence);
}

void ConfigReader::ReadServices() {
  Get("/http/public_url", config_.http.public_url);
  Get("/http/cors_origins", config_.http.cors_origins);
  Get("/api/r3_1", config_.api.r3_1);
  Get("/api/r2_2", config_.api.r2_2);
  Get("/ice/stun_urls", config_.ice.stun_urls);
  Get("/ice/turn_urls", config_.ice.turn_urls);
  std::string turn_secret_file;
  GetFile("/ice/turn_secret_file", turn_secret_file);
  if (!turn_secret_file.empty()) config_.ice.turn_secret = Trimmed(ReadFile(turn_secret_file).value_or(""));
  Get("/ice/ttl_s", config_.ice.ttl);

  RegistrationSettings& registration = config_.registration;
  Get("/registration/default_expires_s", registration.default_expires);
  Get("/registration/min_expires_s", registration.min_expires);
  Get("/registration/max_expires_s", registration.max_expires);
  Get("/registration/max_per_user", registration.max_per_user);
  Get("/registration/max_per_number", registration.max_per_number);
  Get("/registration/max_devices_per_user", registration.max_devices_per_user);
  Get("/registration/token_grace_s", registration.token_grace);

  CallSettings& calls = config_.calls;
  Get("/calls/max_per_user", calls.max_per_user);
  Get("/calls/max_per_registration", calls.max_per_registration);
  Get("/calls/ring_timeout_s", calls.ring_timeout);
  Get("/calls/tombstone_s", calls.tombstone);
  Get("/calls/decline_status", calls.decline_status);
  Get("/calls/call_waiting", calls.is_call_waiting_allowed);
  Get("/calls/max_duration_s", calls.max_duration);
  Get("/calls/local_ringback", calls.plays_ringback);
  Get("/calls/hold_audio", calls.hold_audio);
  Get("/calls/redundancy", calls.redundancy);

  MessageSettings& messages = config_.messages;
  Get("/messages/enabled", messages.is_enabled);
  Get("/messages/max_text_bytes", messages.max_text_bytes);
  Get("/messages/kept_per_number", messages.kept_per_number);
  Get("/messages/ttl_s", messages.ttl);
  Get("/messages/sent_per_minute", messages.sent_per_minute);
  Get("/messages/received_per_minute", messages.received_per_minute);

  if (const json* dataplanes = At("/dataplanes")) {
    for (size_t i = 0; i < dataplanes->size(); ++i) {
      const std::string pointer = "/dataplanes/" + std::to_string(i);
      DataplaneSettings& dataplane = config_.dataplanes.emplace_back();
      Get(pointer + "/address", dataplane.address);
      dataplane.tls = GetTls(pointer + "/tls");
    }
  }

  Get("/webhooks/allow_private_networks", config_.webhooks.may_use_private_networks);
  GetFile("/webhooks/ca_file", config_.webhooks.ca_file);
  Get("/webhooks/timeout_ms", config_.webhooks.timeout);
  Get("/webhooks/queue_events", config_.webhooks.queue_events);
  Get("/webhooks/max_attempts", config_.webhooks.max_attempts);
  Get("/webhooks/max_expires_s", config_.webhooks.max_expires);

  Limits& limits = config_.limits;
  Get("/limits/requests_per_second", limits.requests_per_second);
  Get("/limits/requests_per_second_per_user", limits.requests_per_second_per_user);
  Get("/limits/requests_per_second_per_client", limits.requests_per_second_per_client);
  Get("/limits/subscriptions_per_user", limits.subscriptions_per_user);
  Get("/limits/channels_per_user", limits.channels_per_user);
  Get("/limits/channels_per_client", limits.channels_per_client);
  Get("/limits/watched_per_number", limits.watched_per_number);
  Get("/limits/registrations", limits.registrations);
  Get("/limits/calls", limits.calls);
}

void ConfigReader::ReadServerLimits() {
  Limits& limits = config_.limits;
  Get("/limits/header_bytes", limits.header_bytes);
  Get("/limits/body_bytes", limits.body_bytes);
  Get("/limits/connections", limits.connections);
  Get("/limits/ipv6_prefix_length", limits.ipv6_prefix_length);
  Get("/limits/connections_per_address", limits.connections_per_address);
  Get("/limits/header_timeout_s", limits.header_timeout);
  Get("/limits/body_timeout_s", limits.body_timeout);
  Get("/limits/idle_timeout_s", limits.idle_timeout);
  Get("/limits/requests_per_second_per_address", limits.requests_per_second_per_address);
  Get("/limits/connections_per_second_per_address", limits.connections_per_second_per_address);
  Get("/limits/websocket_message_bytes", limits.websocket_message_bytes);
  Get("/limits/websocket_queue_bytes", limits.websocket_queue_bytes);
}

void ConfigReader::CheckOperator() {
  const RegistrationSettings& registration = config_.registration;
  if (registration.min_expires > registration.default_expires ||
      registration.default_expires > registration.max_expires) {
    Mistake("/registration", "registration.default_expires_s must not be below min_expires_s nor above max_expires_s.");
  }
  if (!config_.ice.turn_urls.empty() && config_.ice.turn_secret.empty()) {
    Mistake("/ice/turn_urls",
            "ice.turn_urls need ice.turn_secret_file, a file with the secret of the TURN servers in it.");
  }
  if (config_.ims.profile == "trusted" && config_.ims.visited_network_id.empty()) {
    Mistake("/ims/profile", "ims.profile trusted needs ims.visited_network_id.");
  }
  const auto& watched = config_.ims.watched_packages;
  if (config_.ims.pulls_calls && std::find(watched.begin(), watched.end(), "dialog") == watched.end()) {
    Mistake("/ims/call_pull", "ims.call_pull needs dialog in ims.watch: that is how the phone's calls are seen.");
  }
  const ImsSettings::Transfer& transfer = config_.ims.transfer;
  for (const auto& [key, value] : {std::pair("to_phone", transfer.to_phone), {"from_phone", transfer.from_phone}}) {
    if (value != "inter_ue" || !transfer.scc_as.empty()) continue;
    Mistake(std::string("/ims/transfer/") + key,
            std::string("ims.transfer.") + key +
                " inter_ue needs ims.transfer.scc_as, the URI of the server that moves calls.");
  }
  if (transfer.from_phone == "inter_ue" && !config_.ims.pulls_calls) {
    Mistake("/ims/transfer/from_phone",
            "ims.transfer.from_phone inter_ue needs ims.call_pull true: else no call of a phone is taken over.");
  }
  if (config_.ims.next_hops.empty() && config_.ims.core_domain.empty()) {
    Mistake("/ims", "ims needs next_hops, the addresses of the P-CSCFs, or core_domain, to find them by DNS.");
  }
  if (config_.ims.transport == "tls" && !config_.ims.tls) {
    Mistake("/ims/transport", "ims.transport tls needs ims.tls with a ca_file.");
  } else if (config_.ims.transport != "tls" && config_.ims.tls) {
    Mistake("/ims/tls", "ims.tls needs ims.transport tls.");
  }
  if (config_.ims.local.port == 0 && !config_.ims.local.address.empty()) {
    Mistake("/ims/local", "ims.local has port 0; the network must know the port.");
  }
}

void ConfigReader::CheckCommon() {
  std::error_code error;
  const StoreSettings& store = config_.store;
  if (store.is_sqlite && !std::filesystem::is_directory(std::filesystem::path(store.path).parent_path(), error)) {
    Mistake("/store/path", "store.path is \"" + store.path + "\"; its folder does not exist.");
  }
  const HttpConfig& http = config_.http;
  const bool is_loopback = http.listen.address == "::1" || http.listen.address.starts_with("127.");
  std::string public_url;
  Get("/http/public_url", public_url);
  if (http.tls || is_loopback || public_url.starts_with("https")) return;  // https: a proxy does TLS
  Mistake("/http/listen",
          "http.listen is not on loopback, so it needs http.tls, or an https http.public_url "
          "of a TLS proxy in front.");
}

void ConfigReader::ReadCommon() {
  Get("/node_id", config_.node_id);
  Get("/log/level", config_.log.level);
  std::string choice = "text";
  Get("/log/format", choice);
  config_.log.is_json = choice == "json";
  Get("/log/full_numbers", config_.log.shows_full_numbers);
  ReadHttp();
  std::string metrics;
  Get("/metrics/listen", metrics);
  if (!metrics.empty()) GetEndpoint("/metrics/listen", config_.metrics.emplace());
  choice = "sqlite";
  Get("/store/kind", choice);
  config_.store.is_sqlite = choice == "sqlite";
  config_.store.path = (directory_ / config_.store.path).string();
  GetPath("/store/path", config_.store.path);

  Get("/events/replay_events", config_.events.replay_events);
  Get("/events/replay_s", config_.events.replay);
  Get("/events/channel_ttl_s", config_.events.channel_ttl);
  Get("/events/token_warning_s", config_.events.token_warning);
  Get("/events/ping_s", config_.events.ping);
  ReadServerLimits();
  CheckCommon();
}

namespace {

// What a page asks for when nothing else is configured: everything that this operator has switched on, and nothing that
// its identity provider need not know.
std::string ScopesOf(const Config& config) {
  std::string scopes = "openid offline_access";
  for (const char* api : {"webrtc-registration", "webrtc-call-handling"}) {
    for (const char* verb : {"create", "read", "write", "delete"})
      scopes += " " + std::string(api) + ":sessions:" + verb;
  }
  for (const char* event : {"session-status", "session-invitation", "registration-ends"}) {
    const std::string events = "webrtc-events-subscriptions";
    scopes += " " + events + ":org.camaraproject." + events + ".v0." + event + ":create";
  }
  if (config.messages.is_enabled) scopes += " byon:messages:read byon:messages:write";
  if (!config.ims.watched_packages.empty()) scopes += " byon:presence:read byon:presence:write";
  return scopes;
}

}  // namespace

void ConfigReader::ReadOperator() {
  ReadWebSip();
  ReadOauth();
  ReadIms();
  ReadEmergency();
  ReadClickToCall();
  ReadPush();
  ReadServices();
  if (config_.oauth.web_client_scopes.empty()) config_.oauth.web_client_scopes = ScopesOf(config_);
  CheckOperator();
}

namespace {

// Scheme and port as in the common URL, the name the operator's first.
std::string PublicUrlOf(const std::string& common, const std::string& host) {
  const size_t start = common.find("://") + 3;
  const size_t port = common.find(':', common[start] == '[' ? common.find(']') : start);
  const bool has_port = host.find(':', host.starts_with("[") ? host.find(']') : 0) != host.npos;
  return common.substr(0, start) + host + (has_port || port == common.npos ? "" : common.substr(port));
}

OperatorConfig ReadOneOperator(const json& root, size_t index, const std::filesystem::path& directory,
                               Mistakes& mistakes) {
  const json& own = root.at("operators").at(index);
  const std::string prefix = "/operators/" + std::to_string(index);
  OperatorConfig one;
  one.id = own.at("id").get<std::string>();
  for (const json& host : own.value("hosts", json::array())) one.hosts.push_back(Lower(host.get<std::string>()));
  one.number_ranges = own.value("number_ranges", std::vector<std::string>());
  json merged = root;
  merged.erase("operators");
  json patch = own;
  for (const char* key : {"id", "hosts", "number_ranges"}) patch.erase(key);
  merged.merge_patch(patch);  // groups are joined, lists and values replaced (RFC 7396)
  const std::vector<SchemaMistake> missing = CheckSchema(merged, json::parse(kConfigSchema));
  for (const SchemaMistake& mistake : missing) mistakes.AddAt(prefix, mistake.pointer, mistake.sentence, true);
  if (!missing.empty()) return one;
  ConfigReader reader(merged, prefix, directory, mistakes, one.config);
  reader.ReadCommon();
  reader.ReadOperator();
  const bool has_own_url = own.contains(json::json_pointer("/http/public_url"));
  if (!has_own_url && !one.hosts.empty()) {
    one.config.http.public_url = PublicUrlOf(one.config.http.public_url, one.hosts.front());
  }
  return one;
}

}  // namespace

std::string_view ConfigSchema() { return kConfigSchema; }

LoadedConfig ParseConfig(const std::string& text, const std::string& name, const std::string& directory) {
  LoadedConfig loaded;
  const YamlDocument document = ParseYaml(text);
  if (!document.error.empty()) {
    loaded.mistakes.push_back(name + ": " + document.error);
    return loaded;
  }
  Mistakes mistakes(document, name, loaded.mistakes);
  for (const SchemaMistake& mistake : CheckSchema(document.root, json::parse(ConfigSchema()))) {
    mistakes.Add(mistake.pointer, mistake.sentence);
  }
  if (!loaded.mistakes.empty()) return loaded;
  ConfigReader common(document.root, "", directory, mistakes, loaded.config);
  common.ReadCommon();
  if (!document.root.contains("operators")) {
    common.ReadOperator();
    loaded.operators.push_back({kDefaultOperator, {}, {}, loaded.config});
    return loaded;
  }
  // Of the operators' keys this one is the entry point's as well.
  loaded.config.http.public_url = document.root["http"]["public_url"].get<std::string>();
  for (size_t i = 0; i < document.root["operators"].size(); ++i) {
    loaded.operators.push_back(ReadOneOperator(document.root, i, directory, mistakes));
  }
  if (!loaded.mistakes.empty()) return loaded;
  for (const OperatorMistake& mistake : CheckOperators(loaded.operators)) {
    mistakes.AddAt("/operators/" + std::to_string(mistake.index), mistake.pointer, mistake.sentence, true);
  }
  return loaded;
}

LoadedConfig LoadConfig(const std::string& path) {
  const auto text = ReadFile(path);
  if (!text) return {.config = {}, .operators = {}, .mistakes = {path + ": the file cannot be read."}};
  std::string directory = std::filesystem::path(path).parent_path().string();
  if (directory.empty()) directory = ".";
  std::error_code error;
  return ParseConfig(*text, path, std::filesystem::absolute(directory, error).string());
}

}  // namespace byon::runtime
