#include "controlplane/runtime/config.h"

#include <arpa/inet.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "controlplane/auth/signing_key.h"
#include "controlplane/runtime/click_to_call_check.h"
#include "controlplane/runtime/config_mistakes.h"
#include "controlplane/runtime/config_schema.h"
#include "controlplane/runtime/operators_check.h"
#include "controlplane/runtime/schema_check.h"
#include "controlplane/runtime/yaml_document.h"

namespace byon::runtime {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::optional<std::string> ReadFile(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return std::nullopt;
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

std::string Lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

// "127.0.0.1:5060" or "[::1]:5060"; nothing when the address is no IP literal or the port too large.
std::optional<Endpoint> ParseEndpoint(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string address = text.substr(0, colon);
  const bool is_v6 = address.starts_with("[") && address.ends_with("]");
  if (is_v6) address = address.substr(1, address.size() - 2);
  unsigned char buffer[sizeof(in6_addr)];
  if (inet_pton(is_v6 ? AF_INET6 : AF_INET, address.c_str(), buffer) != 1) return std::nullopt;
  const unsigned long port = std::stoul(text.substr(colon + 1));
  if (port > 65535) return std::nullopt;
  return Endpoint{address, static_cast<uint16_t>(port)};
}

// Takes the values out of a document that has passed the schema; whatever the schema cannot say is
// checked on the way.
class Reader {
 public:
  // `root`: the common keys, of an operator with its own over them; those stand in the file under `prefix`.
  Reader(const json& root, std::string prefix, std::filesystem::path directory, Mistakes& mistakes, Config& config)
      : root_(root), prefix_(std::move(prefix)), directory_(std::move(directory)), mistakes_(mistakes), config_(config) {}

  // What the process has once.
  void ReadCommon();
  // What each operator may have of its own.
  void ReadOperator();

 private:
  void Mistake(const std::string& pointer, const std::string& sentence) {
    mistakes_.AddAt(prefix_, pointer, sentence);
  }
  const json* At(const std::string& pointer) const {
    const json::json_pointer at(pointer);
    return root_.contains(at) ? &root_.at(at) : nullptr;
  }
  template <typename T>
  void Get(const std::string& pointer, T& target) const {
    if (const json* value = At(pointer)) target = value->get<T>();
  }
  void Get(const std::string& pointer, seconds& target) const {
    if (const json* value = At(pointer)) target = seconds(value->get<int64_t>());
  }
  void Get(const std::string& pointer, milliseconds& target) const {
    if (const json* value = At(pointer)) target = milliseconds(value->get<int64_t>());
  }
  void GetEndpoint(const std::string& pointer, Endpoint& target) {
    const json* value = At(pointer);
    if (value == nullptr) return;
    const auto endpoint = ParseEndpoint(value->get<std::string>());
    if (!endpoint) {
      return Mistake(pointer, Key(pointer) + " is " + value->dump() +
                                  "; it must be an IP address and a port from 0 to 65535.");
    }
    target = *endpoint;
  }
  static std::string Key(const std::string& pointer) {
    std::string key = pointer.substr(1);
    for (char& c : key) c = c == '/' ? '.' : c;
    return key;
  }
  // A file that must be readable; the target becomes its full name.
  void GetFile(const std::string& pointer, std::string& target) {
    GetPath(pointer, target);
    if (!target.empty() && !ReadFile(target)) {
      Mistake(pointer, Key(pointer) + " is \"" + target + "\"; that file cannot be read.");
    }
  }
  void GetPath(const std::string& pointer, std::string& target) {
    Get(pointer, target);
    if (!target.empty()) target = (directory_ / target).lexically_normal().string();
  }
  std::optional<TlsFiles> GetTls(const std::string& pointer) {
    if (At(pointer) == nullptr) return std::nullopt;
    TlsFiles files;
    GetFile(pointer + "/ca_file", files.ca_file);
    GetFile(pointer + "/certificate_file", files.certificate_file);
    GetFile(pointer + "/private_key_file", files.private_key_file);
    if (files.certificate_file.empty() != files.private_key_file.empty()) {
      Mistake(pointer, Key(pointer) + " needs certificate_file and private_key_file together.");
    }
    return files;
  }

  void ReadHttp();
  void ReadWebSip();
  void ReadOauth();
  void ReadIms();
  void ReadNameServer(const std::string& pointer);
  void ReadClickToCall();
  void ReadPush();
  void ReadServices();
  void ReadServerLimits();
  void CheckCommon();
  void CheckOperator();

  const json& root_;
  const std::string prefix_;
  const std::filesystem::path directory_;
  Mistakes& mistakes_;
  Config& config_;
};

void Reader::ReadHttp() {
  HttpConfig& http = config_.http;
  GetEndpoint("/http/listen", http.listen);
  Get("/http/api_root", http.api_root);
  GetPath("/http/web_dir", http.web_dir);
  if (!http.web_dir.empty() && !std::filesystem::is_directory(http.web_dir)) {
    Mistake("/http/web_dir", "http.web_dir is \"" + http.web_dir + "\"; it must be a folder.");
  }
  http.tls = GetTls("/http/tls");
}

void Reader::ReadWebSip() {
  WebSipSettings& sip = config_.web_sip;
  Get("/sip_websocket/enabled", sip.is_enabled);
  Get("/sip_websocket/path", sip.path);
  Get("/sip_websocket/digest_algorithms", sip.digest_algorithms);
  Get("/sip_websocket/auth_timeout_s", sip.auth_timeout);
  Get("/sip_websocket/reconnect_grace_s", sip.reconnect_grace);
  Get("/sip_websocket/messages_per_second", sip.messages_per_second);
  Get("/sip_websocket/requests_per_second_per_user", sip.requests_per_second_per_user);
}

void Reader::ReadOauth() {
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

void Reader::ReadIms() {
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
  Get("/ims/register_expires_s", ims.register_expires);
  Get("/ims/publish", ims.published_packages);
  Get("/ims/watch", ims.watched_packages);
  Get("/ims/codecs", ims.codecs);
  Get("/ims/dtx", ims.uses_dtx);
  Get("/ims/dtmf_info", ims.sends_digits_by_info);
  Get("/ims/emergency_numbers", ims.emergency_numbers);
  GetFile("/ims/subscribers_file", ims.subscribers_file);
  Get("/ims/credential_template/impi", ims.impi_template);
  Get("/ims/credential_template/impu", ims.impu_template);
  Get("/ims/credential_template/password", ims.password_template);
}

void Reader::ReadNameServer(const std::string& pointer) {
  const std::string text = At(pointer)->get<std::string>();
  const bool has_port = text.find(':', text.starts_with("[") ? text.find(']') : 0) != text.npos;
  const auto endpoint = ParseEndpoint(has_port ? text : text + ":53");
  if (!endpoint || endpoint->port == 0) {
    return Mistake(pointer, Key(pointer) + " is \"" + text + "\"; it must be an IP address, with or without a port from 1 to 65535.");
  }
  config_.ims.dns_servers.push_back(*endpoint);
}

void Reader::ReadClickToCall() {
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

void Reader::ReadPush() {
  PushSettings& push = config_.push;
  Get("/push/keep_registration_s", push.keep_registration);
  Get("/push/ack_wait_ms", push.ack_wait);
  Get("/push/timeout_ms", push.timeout);
  GetFile("/push/ca_file", push.ca_file);

  PushSettings::WebPush& web = push.web_push;
  Get("/push/web_push/enabled", web.is_enabled);
  Get("/push/web_push/subject", web.subject);
  web.vapid_key_file = (directory_ / web.vapid_key_file).string();
  GetPath("/push/web_push/vapid_key_file", web.vapid_key_file);
  Get("/push/web_push/allowed_hosts", web.allowed_hosts);
  Get("/push/web_push/allow_private_networks", web.may_use_private_networks);
  if (web.is_enabled) {
    web.vapid_key_pem = ReadFile(web.vapid_key_file).value_or("");
    if (web.subject.empty()) {
      Mistake("/push/web_push", "push.web_push.enabled needs push.web_push.subject, a mailto: or https: URL of the operator.");
    }
    std::error_code error;
    const std::filesystem::path file(web.vapid_key_file);
    if (web.vapid_key_pem.empty() && std::filesystem::exists(file, error)) {
      Mistake("/push/web_push/vapid_key_file", "push.web_push.vapid_key_file is \"" + web.vapid_key_file + "\"; that file is empty or cannot be read.");
    } else if (web.vapid_key_pem.empty() && !std::filesystem::is_directory(file.parent_path(), error)) {
      Mistake("/push/web_push/vapid_key_file", "push.web_push.vapid_key_file is \"" + web.vapid_key_file + "\"; its folder does not exist.");
    } else if (!web.vapid_key_pem.empty() && !auth::SigningKey::FromPem(web.vapid_key_pem, auth::Algorithm::kEs256)) {
      Mistake("/push/web_push/vapid_key_file", "push.web_push.vapid_key_file must hold a P-256 private key in PEM without a passphrase.");
    }
  }

  std::string file;
  GetFile("/push/fcm/service_account_file", file);
  if (!file.empty()) push.fcm.service_account_json = ReadFile(file).value_or("");
  Get("/push/fcm/endpoint", push.fcm.endpoint);

  PushSettings::Apns& apns = push.apns;
  std::string key_file;
  GetFile("/push/apns/key_file", key_file);
  if (!key_file.empty()) apns.key_pem = ReadFile(key_file).value_or("");
  Get("/push/apns/key_id", apns.key_id);
  Get("/push/apns/team_id", apns.team_id);
  Get("/push/apns/bundle_id", apns.bundle_id);
  Get("/push/apns/endpoint", apns.endpoint);
  Get("/push/apns/sandbox_endpoint", apns.sandbox_endpoint);
  if (!apns.key_pem.empty() && (apns.key_id.empty() || apns.team_id.empty() || apns.bundle_id.empty())) {
    Mistake("/push/apns", "push.apns.key_file needs push.apns.key_id, team_id and bundle_id.");
  }
  if (!apns.key_pem.empty() && !auth::SigningKey::FromPem(apns.key_pem, auth::Algorithm::kEs256)) {
    Mistake("/push/apns/key_file", "push.apns.key_file must hold a P-256 private key in PEM (Apple's .p8 file).");
  }
}

void Reader::ReadServices() {
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
  Get("/limits/watched_per_number", limits.watched_per_number);
  Get("/limits/registrations", limits.registrations);
  Get("/limits/calls", limits.calls);
}

void Reader::ReadServerLimits() {
  Limits& limits = config_.limits;
  Get("/limits/header_bytes", limits.header_bytes);
  Get("/limits/body_bytes", limits.body_bytes);
  Get("/limits/connections", limits.connections);
  Get("/limits/connections_per_address", limits.connections_per_address);
  Get("/limits/header_timeout_s", limits.header_timeout);
  Get("/limits/body_timeout_s", limits.body_timeout);
  Get("/limits/idle_timeout_s", limits.idle_timeout);
  Get("/limits/requests_per_second_per_address", limits.requests_per_second_per_address);
  Get("/limits/connections_per_second_per_address", limits.connections_per_second_per_address);
  Get("/limits/websocket_message_bytes", limits.websocket_message_bytes);
  Get("/limits/websocket_queue_bytes", limits.websocket_queue_bytes);
}

void Reader::CheckOperator() {
  const RegistrationSettings& registration = config_.registration;
  if (registration.min_expires > registration.default_expires ||
      registration.default_expires > registration.max_expires) {
    Mistake("/registration",
            "registration.default_expires_s must not be below min_expires_s nor above max_expires_s.");
  }
  if (!config_.ice.turn_urls.empty() && config_.ice.turn_secret.empty()) {
    Mistake("/ice/turn_urls", "ice.turn_urls need ice.turn_secret_file, a file with the secret of the TURN servers in it.");
  }
  if (config_.ims.profile == "trusted" && config_.ims.visited_network_id.empty()) {
    Mistake("/ims/profile", "ims.profile trusted needs ims.visited_network_id.");
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

void Reader::CheckCommon() {
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
  Mistake("/http/listen", "http.listen is not on loopback, so it needs http.tls, or an https http.public_url "
                          "of a TLS proxy in front.");
}

void Reader::ReadCommon() {
  Get("/node_id", config_.node_id);
  Get("/log/level", config_.log.level);
  std::string choice = "text";
  Get("/log/format", choice);
  config_.log.is_json = choice == "json";
  Get("/log/full_numbers", config_.log.shows_full_numbers);
  ReadHttp();
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

// What a page asks for when nothing else is configured: everything that this operator has switched on, and nothing that
// its identity provider need not know.
std::string ScopesOf(const Config& config) {
  std::string scopes = "openid offline_access";
  for (const char* api : {"webrtc-registration", "webrtc-call-handling"}) {
    for (const char* verb : {"create", "read", "write", "delete"}) scopes += " " + std::string(api) + ":sessions:" + verb;
  }
  for (const char* event : {"session-status", "session-invitation", "registration-ends"}) {
    const std::string events = "webrtc-events-subscriptions";
    scopes += " " + events + ":org.camaraproject." + events + ".v0." + event + ":create";
  }
  if (config.messages.is_enabled) scopes += " byon:messages:read byon:messages:write";
  if (!config.ims.watched_packages.empty()) scopes += " byon:presence:read byon:presence:write";
  return scopes;
}

void Reader::ReadOperator() {
  ReadWebSip();
  ReadOauth();
  ReadIms();
  ReadClickToCall();
  ReadPush();
  ReadServices();
  if (config_.oauth.web_client_scopes.empty()) config_.oauth.web_client_scopes = ScopesOf(config_);
  CheckOperator();
}

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
  Reader reader(merged, prefix, directory, mistakes, one.config);
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
  Reader common(document.root, "", directory, mistakes, loaded.config);
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
