#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/auth/address_ranges.h"
#include "controlplane/click_to_call/campaign.h"
#include "controlplane/emergency/service_numbers.h"

namespace byon::runtime {

// What config/controlplane.yaml says, validated once at start; that file explains every value.
struct Endpoint {
  std::string address;  // IP literal without brackets
  uint16_t port = 0;
};

struct TlsFiles {
  std::string ca_file;
  std::string certificate_file;
  std::string private_key_file;
};

struct LogConfig {
  std::string level = "info";
  bool is_json = false;
  bool shows_full_numbers = false;
};

struct HttpConfig {
  Endpoint listen{"127.0.0.1", 8080};
  std::string public_url;  // without a trailing slash
  std::string api_root;
  std::string web_dir;  // empty: the installed one
  std::optional<TlsFiles> tls;
  std::vector<TlsFiles> more_certificates;  // beside that of `tls`, for the hosts that they name
  std::vector<std::string> cors_origins;
  auth::AddressRanges trusted_proxies;
  bool uses_forwarded = false;  // their header is RFC 7239's
};

// SIP over WebSocket.
struct WebSipSettings {
  bool is_enabled = false;
  std::string path = "/sip";
  std::vector<std::string> digest_algorithms{"SHA-256", "MD5"};
  std::chrono::seconds auth_timeout{30};
  std::chrono::seconds reconnect_grace{10};
  unsigned messages_per_second = 50;
  unsigned requests_per_second_per_user = 5;
};

struct OauthConfig {
  struct Issuer {
    std::string issuer;
    std::string jwks_uri;  // empty: by discovery
  };
  struct Introspection {
    std::string endpoint;  // empty: by discovery
    std::string client_id;
    std::string client_secret;
    std::chrono::seconds cache{60};
  };
  std::vector<Issuer> issuers;
  std::vector<std::string> audiences;
  std::vector<std::string> algorithms{"ES256", "RS256", "PS256", "EdDSA"};
  std::vector<std::string> token_types{"at+jwt"};
  struct ServerClient {
    std::string client_id;
    std::string issuer;  // one of issuers
    std::vector<std::string> number_ranges;
  };
  std::vector<ServerClient> server_clients;
  std::string number_claim = "phone_number";
  std::chrono::seconds leeway{30};
  std::string ca_file;
  std::optional<Introspection> introspection;
  std::string web_client_id;
  std::string web_client_scopes;
};

// How strictly each CAMARA release is served: "strict", "compat", and "off" for the older one.
struct ApiSettings {
  std::string r3_1 = "strict";
  std::string r2_2 = "compat";
};

struct IceSettings {
  std::vector<std::string> stun_urls;
  std::vector<std::string> turn_urls;
  std::string turn_secret;
  std::chrono::seconds ttl{3600};
};

struct RegistrationSettings {
  std::chrono::seconds default_expires{3600};
  std::chrono::seconds min_expires{60};
  std::chrono::seconds max_expires{86400};
  uint32_t max_per_user = 10;
  uint32_t max_per_number = 5;
  uint32_t max_devices_per_user = 10;
  std::chrono::seconds token_grace{60};
};

struct CallSettings {
  uint32_t max_per_user = 4;
  uint32_t max_per_registration = 2;
  std::chrono::seconds ring_timeout{120};
  std::chrono::seconds tombstone{60};
  int decline_status = 603;
  bool is_call_waiting_allowed = true;
  std::chrono::seconds max_duration{14400};
  bool plays_ringback = false;
  std::string hold_audio = "silence";  // none | silence | comfort-noise | announcement:NAME
  std::string redundancy = "prefer";   // prefer | accept | refuse
};

struct MessageSettings {
  bool is_enabled = true;
  size_t max_text_bytes = 4096;
  size_t kept_per_number = 200;
  std::chrono::seconds ttl{604800};
  unsigned sent_per_minute = 30;
  unsigned received_per_minute = 120;
};

struct ImsSettings {
  std::string profile = "ue";  // ue | trusted_access | trusted
  std::string home_domain;
  std::string realm;
  Endpoint local;
  std::vector<Endpoint> next_hops;
  std::string core_domain;            // where next_hops are looked up; empty: they are fixed
  std::vector<Endpoint> dns_servers;  // empty: the system's
  std::vector<std::string> allowed_peers;
  std::string transport = "udp";  // udp | tcp | tls
  std::optional<TlsFiles> tls;    // with transport tls
  std::string tls_peer_name;
  unsigned shards = 1;
  std::string p_access_network_info = "IEEE-802.11";
  std::string visited_network_id;
  std::string originating_ioi;
  bool uses_preconditions = false;
  std::chrono::seconds session_expires{1800};
  bool uses_reg_event = true;
  bool uses_gruu = false;
  bool uses_outbound = false;
  std::chrono::seconds keepalive{30};
  unsigned peer_requests_per_second = 2000;
  unsigned unanswered_invites = 20000;
  std::chrono::seconds register_expires{600000};
  std::vector<std::string> published_packages;  // presence, dialog
  std::vector<std::string> watched_packages;
  bool pulls_calls = false;
  std::string refer = "refuse";    // accept | refuse
  std::string verstat = "ignore";  // believe | ignore
  struct Transfer {
    std::string to_phone = "join";         // join | inter_ue | refer
    std::string from_phone = "replaces";   // replaces | inter_ue
    std::string scc_as;                    // sip: URI; empty: none
    std::string inter_ue_refer = "phone";  // phone | scc_as
    std::string dialog = "replaces";       // replaces | target_dialog
    bool asks_for_phone = false;
  } transfer;
  std::vector<std::string> barred_prefixes;
  std::vector<std::string> codecs{"AMR-WB", "AMR"};
  bool uses_dtx = false;
  bool sends_digits_by_info = false;
  std::vector<std::string> emergency_numbers{"112", "911"};
  std::string subscribers_file;
  std::string impi_template = "{number}@{home_domain}";
  std::string impu_template = "sip:{number}@{home_domain}";
  std::string password_template;
};

// Who rings phone and devices together.
struct ForkSettings {
  bool is_here = false;
  std::string phone;  // URI template
  std::optional<Endpoint> next_hop;
  bool asserts_caller = false;
  std::string diversion = "none";  // none | diversion | history_info
};

// What becomes of calls for help, and who answers them.
struct EmergencySettings {
  bool is_routed = false;
  bool needs_location = true;
  std::vector<emergency::ServiceNumber> numbers;  // of the country, and those of the file over them
  std::vector<Endpoint> next_hops;
};

// Calls of visitors of a business's web pages, and the interconnection that they take.
struct ClickToCallSettings {
  std::vector<Endpoint> next_hops;
  std::string domain;  // of the called side; empty: ims.home_domain
  bool has_charging_vector = true;
  std::string originating_ioi;
  int incoming_status = 404;
  std::vector<click_to_call::Campaign> campaigns;
};

struct DataplaneSettings {
  std::string address;
  std::optional<TlsFiles> tls;
};

struct StoreSettings {
  bool is_sqlite = true;
  std::string path = "byon-controlplane.db";
};

struct EventSettings {
  size_t replay_events = 256;
  std::chrono::seconds replay{120};
  std::chrono::seconds channel_ttl{86400};
  std::chrono::seconds token_warning{60};
  std::chrono::seconds ping{20};
};

struct WebhookSettings {
  bool may_use_private_networks = false;
  std::string ca_file;
  std::chrono::milliseconds timeout{5000};
  size_t queue_events = 256;
  unsigned max_attempts = 8;
  std::chrono::seconds max_expires{604800};
};

struct PushSettings {
  struct WebPush {
    bool is_enabled = false;
    std::string subject;
    std::string vapid_key_file = "vapid.pem";
    std::string vapid_key_pem;  // empty: the file is to be made
    std::vector<std::string> allowed_hosts{"fcm.googleapis.com", "*.push.services.mozilla.com", "*.notify.windows.com",
                                           "*.push.apple.com"};
    bool may_use_private_networks = false;
  };
  struct Fcm {
    std::string service_account_json;  // empty: off
    std::string endpoint = "https://fcm.googleapis.com";
  };
  struct Apns {
    std::string key_pem;  // empty: off
    std::string key_id;
    std::string team_id;
    std::string bundle_id;
    std::string endpoint = "https://api.push.apple.com";
    std::string sandbox_endpoint = "https://api.sandbox.push.apple.com";
  };
  std::chrono::seconds keep_registration{604800};
  std::chrono::milliseconds ack_wait{2000};
  std::chrono::milliseconds timeout{5000};
  std::string ca_file;
  WebPush web_push;
  Fcm fcm;
  Apns apns;
};

struct Limits {
  size_t header_bytes = 16384;
  size_t body_bytes = 131072;
  size_t connections = 4000;
  unsigned ipv6_prefix_length = 64;
  size_t connections_per_address = 200;
  std::chrono::seconds header_timeout{10};
  std::chrono::seconds body_timeout{30};
  std::chrono::seconds idle_timeout{60};
  unsigned requests_per_second_per_address = 200;
  unsigned connections_per_second_per_address = 100;
  unsigned requests_per_second = 0;  // of one operator in all; 0: no bound
  unsigned requests_per_second_per_user = 50;
  unsigned requests_per_second_per_client = 1000;
  size_t subscriptions_per_user = 100;
  size_t channels_per_user = 20;
  size_t channels_per_client = 20'000;
  size_t registrations = 0;  // of one operator in all; 0: no bound
  size_t calls = 0;
  size_t watched_per_number = 50;
  size_t websocket_message_bytes = 65536;
  size_t websocket_queue_bytes = 1048576;
};

// One operator's configuration, and what all of them share (node_id, log, http but for its URL and origins, store,
// events and the server's limits).
struct Config {
  std::string node_id = "gw-1";
  LogConfig log;
  HttpConfig http;
  std::optional<Endpoint> metrics;  // nothing: not served
  WebSipSettings web_sip;
  OauthConfig oauth;
  ApiSettings api;
  IceSettings ice;
  RegistrationSettings registration;
  CallSettings calls;
  MessageSettings messages;
  ImsSettings ims;
  ForkSettings fork;
  EmergencySettings emergency;
  ClickToCallSettings click_to_call;
  std::vector<DataplaneSettings> dataplanes;
  StoreSettings store;
  EventSettings events;
  WebhookSettings webhooks;
  PushSettings push;
  Limits limits;
};

// Who is served: chosen by token issuer, host and number.
struct OperatorConfig {
  std::string id;
  std::vector<std::string> hosts;          // that belong to this operator alone; lower case, some with a port
  std::vector<std::string> number_ranges;  // "+3460"; empty: any number
  Config config;                           // the common keys with the operator's own over them
};

// The operator of a file that has no list.
inline constexpr const char* kDefaultOperator = "default";

// All mistakes, one sentence each: file, line, key, value, what is allowed. Empty: the configuration is good.
struct LoadedConfig {
  Config config;                          // the common part; in a file without a list of operators that of the only one
  std::vector<OperatorConfig> operators;  // one or more
  std::vector<std::string> mistakes;
};

// Reads, checks and resolves a file; relative file names in it are relative to it.
[[nodiscard]] LoadedConfig LoadConfig(const std::string& path);
// The same of a text; `directory` stands for the file's.
[[nodiscard]] LoadedConfig ParseConfig(const std::string& text, const std::string& name, const std::string& directory);
// The JSON Schema (draft-07) that the file is checked against.
std::string_view ConfigSchema();

}  // namespace byon::runtime
