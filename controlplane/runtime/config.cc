#include "controlplane/runtime/config.h"

#include <arpa/inet.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "controlplane/auth/signing_key.h"
#include "controlplane/runtime/config_schema.h"
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
  Reader(const YamlDocument& document, std::string name, std::filesystem::path directory,
         LoadedConfig& loaded)
      : document_(document), name_(std::move(name)), directory_(std::move(directory)), loaded_(loaded) {}

  void Read();
  void Mistake(const std::string& pointer, const std::string& sentence) {
    loaded_.mistakes.push_back(name_ + ":" + std::to_string(document_.LineOf(pointer)) + ": " + sentence);
  }

 private:
  const json* At(const std::string& pointer) const {
    const json::json_pointer at(pointer);
    return document_.root.contains(at) ? &document_.root.at(at) : nullptr;
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
  void ReadPush();
  void ReadRest();
  void CrossCheck();

  const YamlDocument& document_;
  const std::string name_;
  const std::filesystem::path directory_;
  LoadedConfig& loaded_;
};

void Reader::ReadHttp() {
  HttpConfig& http = loaded_.config.http;
  GetEndpoint("/http/listen", http.listen);
  Get("/http/public_url", http.public_url);
  Get("/http/api_root", http.api_root);
  GetPath("/http/web_dir", http.web_dir);
  if (!http.web_dir.empty() && !std::filesystem::is_directory(http.web_dir)) {
    Mistake("/http/web_dir", "http.web_dir is \"" + http.web_dir + "\"; it must be a folder.");
  }
  http.tls = GetTls("/http/tls");
  Get("/http/cors_origins", http.cors_origins);
}

void Reader::ReadWebSip() {
  WebSipSettings& sip = loaded_.config.web_sip;
  Get("/sip_websocket/enabled", sip.is_enabled);
  Get("/sip_websocket/path", sip.path);
  Get("/sip_websocket/digest_algorithms", sip.digest_algorithms);
  Get("/sip_websocket/auth_timeout_s", sip.auth_timeout);
  Get("/sip_websocket/reconnect_grace_s", sip.reconnect_grace);
  Get("/sip_websocket/messages_per_second", sip.messages_per_second);
  Get("/sip_websocket/requests_per_second_per_user", sip.requests_per_second_per_user);
}

void Reader::ReadOauth() {
  OauthConfig& oauth = loaded_.config.oauth;
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
  ImsSettings& ims = loaded_.config.ims;
  Get("/ims/profile", ims.profile);
  Get("/ims/home_domain", ims.home_domain);
  Get("/ims/realm", ims.realm);
  GetEndpoint("/ims/local", ims.local);
  if (const json* hops = At("/ims/next_hops")) {
    for (size_t i = 0; i < hops->size(); ++i) {
      GetEndpoint("/ims/next_hops/" + std::to_string(i), ims.next_hops.emplace_back());
    }
  }
  Get("/ims/allowed_peers", ims.allowed_peers);
  std::string transport = "udp";
  Get("/ims/transport", transport);
  ims.uses_tcp = transport == "tcp";
  Get("/ims/shards", ims.shards);
  Get("/ims/p_access_network_info", ims.p_access_network_info);
  Get("/ims/visited_network_id", ims.visited_network_id);
  Get("/ims/originating_ioi", ims.originating_ioi);
  Get("/ims/preconditions", ims.uses_preconditions);
  Get("/ims/session_expires_s", ims.session_expires);
  Get("/ims/reg_event", ims.uses_reg_event);
  Get("/ims/keepalive_s", ims.keepalive);
  Get("/ims/register_expires_s", ims.register_expires);
  Get("/ims/codecs", ims.codecs);
  Get("/ims/dtx", ims.uses_dtx);
  Get("/ims/emergency_numbers", ims.emergency_numbers);
  GetFile("/ims/subscribers_file", ims.subscribers_file);
  Get("/ims/credential_template/impi", ims.impi_template);
  Get("/ims/credential_template/impu", ims.impu_template);
  Get("/ims/credential_template/password", ims.password_template);
}

void Reader::ReadPush() {
  PushSettings& push = loaded_.config.push;
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

void Reader::ReadRest() {
  Config& config = loaded_.config;
  Get("/node_id", config.node_id);
  Get("/log/level", config.log.level);
  std::string choice = "text";
  Get("/log/format", choice);
  config.log.is_json = choice == "json";
  Get("/log/full_numbers", config.log.shows_full_numbers);
  Get("/api/r3_1", config.api.r3_1);
  Get("/api/r2_2", config.api.r2_2);
  Get("/ice/stun_urls", config.ice.stun_urls);
  Get("/ice/turn_urls", config.ice.turn_urls);
  std::string turn_secret_file;
  GetFile("/ice/turn_secret_file", turn_secret_file);
  if (!turn_secret_file.empty()) config.ice.turn_secret = Trimmed(ReadFile(turn_secret_file).value_or(""));
  Get("/ice/ttl_s", config.ice.ttl);

  RegistrationSettings& registration = config.registration;
  Get("/registration/default_expires_s", registration.default_expires);
  Get("/registration/min_expires_s", registration.min_expires);
  Get("/registration/max_expires_s", registration.max_expires);
  Get("/registration/max_per_user", registration.max_per_user);
  Get("/registration/max_per_number", registration.max_per_number);
  Get("/registration/max_devices_per_user", registration.max_devices_per_user);
  Get("/registration/token_grace_s", registration.token_grace);

  CallSettings& calls = config.calls;
  Get("/calls/max_per_user", calls.max_per_user);
  Get("/calls/max_per_registration", calls.max_per_registration);
  Get("/calls/ring_timeout_s", calls.ring_timeout);
  Get("/calls/tombstone_s", calls.tombstone);
  Get("/calls/decline_status", calls.decline_status);
  Get("/calls/call_waiting", calls.is_call_waiting_allowed);
  Get("/calls/max_duration_s", calls.max_duration);
  Get("/calls/local_ringback", calls.plays_ringback);
  Get("/calls/hold_audio", calls.hold_audio);

  if (const json* dataplanes = At("/dataplanes")) {
    for (size_t i = 0; i < dataplanes->size(); ++i) {
      const std::string pointer = "/dataplanes/" + std::to_string(i);
      DataplaneSettings& dataplane = config.dataplanes.emplace_back();
      Get(pointer + "/address", dataplane.address);
      dataplane.tls = GetTls(pointer + "/tls");
    }
  }
  choice = "sqlite";
  Get("/store/kind", choice);
  config.store.is_sqlite = choice == "sqlite";
  config.store.path = (directory_ / config.store.path).string();
  GetPath("/store/path", config.store.path);

  Get("/events/replay_events", config.events.replay_events);
  Get("/events/replay_s", config.events.replay);
  Get("/events/channel_ttl_s", config.events.channel_ttl);
  Get("/events/token_warning_s", config.events.token_warning);
  Get("/events/ping_s", config.events.ping);

  Get("/webhooks/allow_private_networks", config.webhooks.may_use_private_networks);
  GetFile("/webhooks/ca_file", config.webhooks.ca_file);
  Get("/webhooks/timeout_ms", config.webhooks.timeout);
  Get("/webhooks/queue_events", config.webhooks.queue_events);
  Get("/webhooks/max_attempts", config.webhooks.max_attempts);
  Get("/webhooks/max_expires_s", config.webhooks.max_expires);

  Limits& limits = config.limits;
  Get("/limits/header_bytes", limits.header_bytes);
  Get("/limits/body_bytes", limits.body_bytes);
  Get("/limits/connections", limits.connections);
  Get("/limits/connections_per_address", limits.connections_per_address);
  Get("/limits/header_timeout_s", limits.header_timeout);
  Get("/limits/body_timeout_s", limits.body_timeout);
  Get("/limits/idle_timeout_s", limits.idle_timeout);
  Get("/limits/requests_per_second_per_address", limits.requests_per_second_per_address);
  Get("/limits/connections_per_second_per_address", limits.connections_per_second_per_address);
  Get("/limits/requests_per_second_per_user", limits.requests_per_second_per_user);
  Get("/limits/requests_per_second_per_client", limits.requests_per_second_per_client);
  Get("/limits/subscriptions_per_user", limits.subscriptions_per_user);
  Get("/limits/channels_per_user", limits.channels_per_user);
  Get("/limits/websocket_message_bytes", limits.websocket_message_bytes);
  Get("/limits/websocket_queue_bytes", limits.websocket_queue_bytes);
}

void Reader::CrossCheck() {
  const Config& config = loaded_.config;
  const RegistrationSettings& registration = config.registration;
  if (registration.min_expires > registration.default_expires ||
      registration.default_expires > registration.max_expires) {
    Mistake("/registration",
            "registration.default_expires_s must not be below min_expires_s nor above max_expires_s.");
  }
  if (!config.ice.turn_urls.empty() && config.ice.turn_secret.empty()) {
    Mistake("/ice/turn_urls", "ice.turn_urls need ice.turn_secret_file, a file with the secret of the TURN servers in it.");
  }
  if (config.ims.profile == "trusted" && config.ims.visited_network_id.empty()) {
    Mistake("/ims/profile", "ims.profile trusted needs ims.visited_network_id.");
  }
  if (config.ims.local.port == 0 && !config.ims.local.address.empty()) {
    Mistake("/ims/local", "ims.local has port 0; the network must know the port.");
  }
  std::error_code error;
  if (config.store.is_sqlite &&
      !std::filesystem::is_directory(std::filesystem::path(config.store.path).parent_path(), error)) {
    Mistake("/store/path", "store.path is \"" + config.store.path + "\"; its folder does not exist.");
  }
  const bool is_loopback = config.http.listen.address == "::1" || config.http.listen.address.starts_with("127.");
  if (!config.http.tls && !is_loopback && config.http.public_url.starts_with("https")) return;  // a proxy does TLS
  if (!config.http.tls && !is_loopback) {
    Mistake("/http/listen", "http.listen is not on loopback, so it needs http.tls, or an https http.public_url "
                            "of a TLS proxy in front.");
  }
}

void Reader::Read() {
  ReadHttp();
  ReadWebSip();
  ReadOauth();
  ReadIms();
  ReadPush();
  ReadRest();
  CrossCheck();
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
  for (const SchemaMistake& mistake : CheckSchema(document.root, json::parse(ConfigSchema()))) {
    loaded.mistakes.push_back(name + ":" + std::to_string(document.LineOf(mistake.pointer)) + ": " +
                              mistake.sentence);
  }
  if (loaded.mistakes.empty()) Reader(document, name, directory, loaded).Read();
  return loaded;
}

LoadedConfig LoadConfig(const std::string& path) {
  const auto text = ReadFile(path);
  if (!text) return {{}, {path + ": the file cannot be read."}};
  std::string directory = std::filesystem::path(path).parent_path().string();
  if (directory.empty()) directory = ".";
  std::error_code error;
  return ParseConfig(*text, path, std::filesystem::absolute(directory, error).string());
}

}  // namespace byon::runtime
