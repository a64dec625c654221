#include "controlplane/runtime/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "controlplane/auth/signing_key.h"

namespace byon::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const char* const kSmallest = R"(
http: {public_url: "http://127.0.0.1:8080"}
oauth: {issuers: [{issuer: "http://idp"}], audience: [a]}
ims: {home_domain: ims.test, local: "127.0.0.1:5070", next_hops: ["127.0.0.10:5060"]}
dataplanes: [{address: "127.0.0.1:50051"}]
)";

LoadedConfig Parse(const std::string& text) { return ParseConfig(text, "file.yaml", "/"); }

TEST(ConfigTest, ServesReleasesAsTheOperatorWants) {
  const LoadedConfig off = Parse(std::string(kSmallest) + "api: {r2_2: off}\n");
  EXPECT_THAT(off.mistakes, IsEmpty());
  EXPECT_EQ(off.config.api.r2_2, "off");
  EXPECT_THAT(Parse(std::string(kSmallest) + "api: {r3_1: off}\n").mistakes, ElementsAre(HasSubstr("api.r3_1")));
  EXPECT_THAT(Parse(std::string(kSmallest) + "api: {strictness: compat}\n").mistakes,
              ElementsAre(HasSubstr("strictness")));
}

TEST(ConfigTest, HowACallChangesToThePhone) {  // Covers: C31 C32
  const auto with = [](const std::string& keys) {
    return Parse(R"(
http: {public_url: "http://127.0.0.1:8080"}
oauth: {issuers: [{issuer: "http://idp"}], audience: [a]}
ims: {home_domain: ims.test, local: "127.0.0.1:5070", next_hops: ["127.0.0.10:5060"], )" +
                 keys + "}\ndataplanes: [{address: \"127.0.0.1:50051\"}]\n");
  };
  const LoadedConfig usual = with("watch: []");
  EXPECT_THAT(usual.mistakes, IsEmpty());
  EXPECT_EQ(usual.config.ims.transfer.to_phone, "join");
  EXPECT_EQ(usual.config.ims.transfer.from_phone, "replaces");
  const LoadedConfig moved = with(
      "watch: [dialog], call_pull: true, transfer: {to_phone: inter_ue, from_phone: inter_ue, scc_as: "
      "\"sip:iut@scc.ims.test\", inter_ue_refer: scc_as, dialog: target_dialog, phone_gruu: true}");
  EXPECT_THAT(moved.mistakes, IsEmpty());
  EXPECT_EQ(moved.config.ims.transfer.to_phone, "inter_ue");
  EXPECT_EQ(moved.config.ims.transfer.scc_as, "sip:iut@scc.ims.test");
  EXPECT_EQ(moved.config.ims.transfer.inter_ue_refer, "scc_as");
  EXPECT_EQ(moved.config.ims.transfer.dialog, "target_dialog");
  EXPECT_TRUE(moved.config.ims.transfer.asks_for_phone);
  EXPECT_THAT(with("transfer: {to_phone: refer}").mistakes, IsEmpty());
  EXPECT_THAT(with("transfer: {to_phone: inter_ue}").mistakes,
              ElementsAre(HasSubstr("ims.transfer.to_phone inter_ue needs ims.transfer.scc_as")));
  EXPECT_THAT(with("transfer: {from_phone: inter_ue, scc_as: \"sip:a@b\"}").mistakes,
              ElementsAre(HasSubstr("ims.transfer.from_phone inter_ue needs ims.call_pull")));
  for (const char* wrong : {"scc.ims.test", "tel:+34600000001", "sip:scc.ims.test", "sip:a@b>", "sip:a@b?X=1"}) {
    EXPECT_THAT(with(std::string("transfer: {scc_as: \"") + wrong + "\"}").mistakes,
                ElementsAre(HasSubstr("it must be a sip: URI with a user, like sip:iut@scc.ims.test")))
        << wrong;
  }
}

TEST(ConfigTest, WhoForksAndWhereThePhoneIs) {
  const auto with = [](const std::string& fork) {
    std::string text = kSmallest;
    return Parse(text.insert(text.find("next_hops:"), "fork: " + fork + ", "));
  };
  EXPECT_FALSE(Parse(kSmallest).config.fork.is_here);
  const LoadedConfig here = with(
      "{in: gateway, phone: 'sip:9{digits}@phones.test', next_hop: '192.0.2.20:5060', asserts_caller: true, "
      "diversion: history_info}");
  EXPECT_THAT(here.mistakes, IsEmpty());
  EXPECT_TRUE(here.config.fork.is_here);
  EXPECT_EQ(here.config.fork.phone, "sip:9{digits}@phones.test");
  EXPECT_EQ(here.config.fork.next_hop->address, "192.0.2.20");
  EXPECT_TRUE(here.config.fork.asserts_caller);
  EXPECT_EQ(here.config.fork.diversion, "history_info");
  EXPECT_THAT(with("{in: gateway}").mistakes, ElementsAre(HasSubstr("ims.fork.phone is missing")));
  EXPECT_THAT(with("{in: gateway, phone: 'sip:phone@phones.test'}").mistakes, ElementsAre(HasSubstr("ims.fork.phone")));
  EXPECT_THAT(with("{in: gateway, phone: 'sip:{user}{number}@x'}").mistakes, ElementsAre(HasSubstr("ims.fork.phone")));
}

TEST(ConfigTest, ThePageAsksForTheScopesOfWhatIsSwitchedOn) {
  const auto scopes = [](const std::string& more) { return Parse(kSmallest + more).config.oauth.web_client_scopes; };
  const std::string usual = scopes("");
  EXPECT_THAT(usual, testing::StartsWith("openid offline_access webrtc-registration:sessions:create "));
  EXPECT_THAT(usual, HasSubstr("byon:messages:write"));
  EXPECT_THAT(usual, testing::Not(HasSubstr("presence")));
  EXPECT_THAT(scopes("messages: {enabled: false}\n"), testing::Not(HasSubstr("messages")));
  const std::string watching = R"(
http: {public_url: "http://127.0.0.1:8080"}
oauth: {issuers: [{issuer: "http://idp"}], audience: [a]}
ims: {home_domain: ims.test, local: "127.0.0.1:5070", next_hops: ["127.0.0.10:5060"], watch: [dialog]}
dataplanes: [{address: "127.0.0.1:50051"}]
)";
  EXPECT_THAT(Parse(watching).config.oauth.web_client_scopes, HasSubstr("byon:presence:read byon:presence:write"));
  const std::string own = R"(
http: {public_url: "http://127.0.0.1:8080"}
oauth: {issuers: [{issuer: "http://idp"}], audience: [a], web_client: {scopes: "openid calls"}}
ims: {home_domain: ims.test, local: "127.0.0.1:5070", next_hops: ["127.0.0.10:5060"]}
dataplanes: [{address: "127.0.0.1:50051"}]
)";
  EXPECT_EQ(Parse(own).config.oauth.web_client_scopes, "openid calls");
}

TEST(ConfigTest, TrustsTheProxiesThatAreNamed) {
  const auto with = [](const std::string& proxies) {
    return Parse(R"(
http: {public_url: "http://127.0.0.1:8080", )" +
                 proxies + R"(}
oauth: {issuers: [{issuer: "http://idp"}], audience: [a]}
ims: {home_domain: ims.test, local: "127.0.0.1:5070", next_hops: ["127.0.0.10:5060"]}
dataplanes: [{address: "127.0.0.1:50051"}]
)");
  };
  const LoadedConfig good = with("trusted_proxies: [\"10.0.0.0/8\", \"::1\"], proxy_header: forwarded");
  EXPECT_THAT(good.mistakes, IsEmpty());
  EXPECT_TRUE(good.config.http.trusted_proxies.Contains(*auth::NetworkAddress::Parse("10.1.2.3")));
  EXPECT_FALSE(good.config.http.trusted_proxies.Contains(*auth::NetworkAddress::Parse("11.1.2.3")));
  EXPECT_TRUE(good.config.http.uses_forwarded);
  EXPECT_TRUE(Parse(kSmallest).config.http.trusted_proxies.IsEmpty());
  for (const char* bad : {"10.0.0.1/8", "0.0.0.0/0", "10.0.0", "10.0.0.0/33", "::/0"}) {
    EXPECT_THAT(with("trusted_proxies: [\"" + std::string(bad) + "\"]").mistakes,
                ElementsAre(HasSubstr("http.trusted_proxies.0 is \"" + std::string(bad) +
                                      "\"; it must be an IP address, or a network")));
  }
  EXPECT_THAT(with("trusted_proxies: [gw.example]").mistakes,
              ElementsAre(HasSubstr("an IP address or a network like 10.0.0.0/8")));
  EXPECT_THAT(with("proxy_header: x-real-ip").mistakes, ElementsAre(HasSubstr("proxy_header")));
}

TEST(ConfigTest, MetricsAreServedWhereItSays) {
  EXPECT_FALSE(Parse(kSmallest).config.metrics);
  EXPECT_FALSE(Parse(std::string(kSmallest) + "metrics: {listen: \"\"}\n").config.metrics);
  const LoadedConfig on = Parse(std::string(kSmallest) + "metrics: {listen: \"127.0.0.1:9464\"}\n");
  EXPECT_THAT(on.mistakes, IsEmpty());
  ASSERT_TRUE(on.config.metrics);
  EXPECT_EQ(on.config.metrics->port, 9464);
  EXPECT_THAT(Parse(std::string(kSmallest) + "metrics: {listen: \"9464\"}\n").mistakes,
              ElementsAre(HasSubstr("metrics.listen is \"9464\"; it must be an IP address and a port")));
}

TEST(ConfigTest, TurnServersNeedTheirSecret) {
  EXPECT_THAT(Parse(std::string(kSmallest) + "ice: {turn_urls: [\"turn:turn.example.com\"]}\n").mistakes,
              ElementsAre(HasSubstr("ice.turn_urls need ice.turn_secret_file")));
  EXPECT_THAT(Parse(std::string(kSmallest) + "ice: {turn_urls: [\"http://turn.example.com\"]}\n").mistakes,
              ElementsAre(HasSubstr("a TURN URI like")));
  EXPECT_THAT(Parse(std::string(kSmallest) + "ice: {turn_secret_file: /nowhere}\n").mistakes,
              ElementsAre(HasSubstr("cannot be read")));
}

TEST(ConfigTest, TheExampleIsGoodAndShowsTheDefaults) {
  const LoadedConfig example = LoadConfig(std::string(BYON_SOURCE_ROOT) + "/config/controlplane.yaml");
  EXPECT_THAT(example.mistakes, IsEmpty());
  const LoadedConfig smallest = Parse(kSmallest);
  ASSERT_THAT(smallest.mistakes, IsEmpty());
  const Config& a = example.config;
  const Config& b = smallest.config;
  // Each documented default is the real one.
  EXPECT_EQ(a.registration.default_expires, b.registration.default_expires);
  EXPECT_EQ(a.registration.min_expires, b.registration.min_expires);
  EXPECT_EQ(a.registration.max_per_number, b.registration.max_per_number);
  EXPECT_EQ(a.registration.max_devices_per_user, b.registration.max_devices_per_user);
  EXPECT_EQ(a.registration.token_grace, b.registration.token_grace);
  EXPECT_EQ(a.api.r3_1, b.api.r3_1);
  EXPECT_EQ(a.api.r2_2, b.api.r2_2);
  EXPECT_EQ(a.ice.ttl, b.ice.ttl);
  EXPECT_EQ(a.limits.connections_per_second_per_address, b.limits.connections_per_second_per_address);
  EXPECT_EQ(a.limits.requests_per_second_per_client, b.limits.requests_per_second_per_client);
  EXPECT_EQ(a.calls.max_per_user, b.calls.max_per_user);
  EXPECT_EQ(a.calls.max_per_registration, b.calls.max_per_registration);
  EXPECT_EQ(a.calls.ring_timeout, b.calls.ring_timeout);
  EXPECT_EQ(a.calls.max_duration, b.calls.max_duration);
  EXPECT_EQ(a.calls.plays_ringback, b.calls.plays_ringback);
  EXPECT_EQ(a.calls.hold_audio, b.calls.hold_audio);
  EXPECT_EQ(a.calls.redundancy, b.calls.redundancy);
  EXPECT_EQ(a.ims.uses_dtx, b.ims.uses_dtx);
  EXPECT_EQ(a.ims.peer_requests_per_second, b.ims.peer_requests_per_second);
  EXPECT_EQ(a.ims.unanswered_invites, b.ims.unanswered_invites);
  EXPECT_EQ(a.ims.codecs, b.ims.codecs);
  EXPECT_EQ(a.ims.p_access_network_info, b.ims.p_access_network_info);
  EXPECT_EQ(a.ims.uses_reg_event, b.ims.uses_reg_event);
  EXPECT_EQ(a.ims.emergency_numbers, b.ims.emergency_numbers);
  EXPECT_EQ(a.events.replay, b.events.replay);
  EXPECT_EQ(a.webhooks.max_attempts, b.webhooks.max_attempts);
  EXPECT_EQ(a.limits.body_bytes, b.limits.body_bytes);
  EXPECT_EQ(a.limits.websocket_queue_bytes, b.limits.websocket_queue_bytes);
  EXPECT_EQ(a.oauth.algorithms, b.oauth.algorithms);
  EXPECT_EQ(a.oauth.web_client_scopes, b.oauth.web_client_scopes);
  EXPECT_EQ(a.push.keep_registration, b.push.keep_registration);
  EXPECT_EQ(a.push.ack_wait, b.push.ack_wait);
  EXPECT_EQ(a.push.timeout, b.push.timeout);
  EXPECT_EQ(a.push.web_push.is_enabled, b.push.web_push.is_enabled);
  EXPECT_EQ(a.push.web_push.allowed_hosts, b.push.web_push.allowed_hosts);
  EXPECT_EQ(a.push.fcm.endpoint, b.push.fcm.endpoint);
  EXPECT_EQ(a.push.apns.endpoint, b.push.apns.endpoint);
  EXPECT_EQ(a.push.apns.sandbox_endpoint, b.push.apns.sandbox_endpoint);
  EXPECT_EQ(a.web_sip.is_enabled, b.web_sip.is_enabled);
  EXPECT_EQ(a.web_sip.path, b.web_sip.path);
  EXPECT_EQ(a.web_sip.digest_algorithms, b.web_sip.digest_algorithms);
  EXPECT_EQ(a.web_sip.auth_timeout, b.web_sip.auth_timeout);
  EXPECT_EQ(a.web_sip.reconnect_grace, b.web_sip.reconnect_grace);
  EXPECT_EQ(a.web_sip.messages_per_second, b.web_sip.messages_per_second);
  EXPECT_EQ(a.web_sip.requests_per_second_per_user, b.web_sip.requests_per_second_per_user);
  EXPECT_EQ(a.store.path, std::string(BYON_SOURCE_ROOT) + "/config/byon-controlplane.db");
}

TEST(ConfigTest, HoldAudioNamesAnAnnouncementOrAKind) {
  const std::string text = kSmallest;
  EXPECT_EQ(Parse(text + "calls: {hold_audio: 'announcement:waltz-1'}\n").config.calls.hold_audio,
            "announcement:waltz-1");
  const auto mistakes = Parse(text + "calls: {hold_audio: 'announcement:a b'}\n").mistakes;
  ASSERT_EQ(mistakes.size(), 1u);
  EXPECT_THAT(mistakes[0], testing::HasSubstr("announcement:NAME"));
}

TEST(ConfigTest, RedundancyIsPreferredAcceptedOrRefused) {
  const std::string text = kSmallest;
  for (const char* wish : {"prefer", "accept", "refuse"}) {
    EXPECT_EQ(Parse(text + "calls: {redundancy: " + wish + "}\n").config.calls.redundancy, wish);
  }
  const auto mistakes = Parse(text + "calls: {redundancy: always}\n").mistakes;
  ASSERT_EQ(mistakes.size(), 1u);
  EXPECT_THAT(mistakes[0], HasSubstr("prefer, accept"));
}

TEST(ConfigTest, ServersAreThoseThatAreNamed) {
  const auto with = [](const std::string& servers) {
    return Parse(
        std::string(kSmallest).replace(std::string(kSmallest).find("oauth: {"), 8,
                                       "oauth: {web_client: {client_id: page}, server_clients: [" + servers + "], "));
  };
  EXPECT_THAT(Parse(kSmallest).config.oauth.server_clients, ::testing::IsEmpty());
  const LoadedConfig loaded =
      with(R"({client_id: pbx, number_ranges: ["+3460"]}, {client_id: all, number_ranges: ["+"]}, {client_id: none})");
  ASSERT_THAT(loaded.mistakes, ::testing::IsEmpty());
  const auto& servers = loaded.config.oauth.server_clients;
  ASSERT_EQ(servers.size(), 3u);
  EXPECT_EQ(servers[0].client_id, "pbx");
  EXPECT_EQ(servers[0].issuer, loaded.config.oauth.issuers.front().issuer);
  EXPECT_THAT(servers[0].number_ranges, ElementsAre("+3460"));
  EXPECT_THAT(servers[1].number_ranges, ElementsAre("+"));
  EXPECT_THAT(servers[2].number_ranges, ::testing::IsEmpty());
  EXPECT_THAT(with("{client_id: page}").mistakes,
              ElementsAre(HasSubstr("oauth.server_clients.0.client_id is \"page\"; that is oauth.web_client.client_id, "
                                    "whose tokens are its users'.")));
  EXPECT_THAT(
      with("{client_id: a}, {client_id: a}").mistakes,
      ElementsAre(HasSubstr("oauth.server_clients.1.client_id is \"a\"; that client stands in the list twice.")));
  EXPECT_THAT(
      with("{client_id: a, issuer: \"http://x\"}").mistakes,
      ElementsAre(HasSubstr("oauth.server_clients.0.issuer is \"http://x\"; it must be one of oauth.issuers.")));
  EXPECT_THAT(with("{client_id: a, number_ranges: [\"34\"]}").mistakes, ElementsAre(HasSubstr("or + for all")));
}

TEST(ConfigTest, ListsAllMistakesWithLineKeyValueAndWhatIsAllowed) {
  const LoadedConfig loaded = Parse(R"(node_id: gw 1
http:
  listen: "localhost:80"
  publik_url: x
oauth: {issuers: [], audience: [a], algorithms: [none], leeway_s: "30"}
ims: {home_domain: ims.test, local: "127.0.0.1:5070", next_hops: ["p-cscf.ims.test:5060"], shards: 0}
dataplanes: [{address: "127.0.0.1:50051"}]
)");
  EXPECT_THAT(
      loaded.mistakes,
      ::testing::UnorderedElementsAre(
          R"(file.yaml:1: node_id is "gw 1"; it must be 1 to 64 letters, digits, dots, dashes.)",
          R"(file.yaml:3: http.listen is "localhost:80"; it must be an IP address and a port, like 127.0.0.1:5060 or [::1]:5060.)",
          "file.yaml:2: http.public_url is missing; it has no default.",
          "file.yaml:4: http.publik_url is not a key; is public_url meant?",
          "file.yaml:5: oauth.issuers is empty; it needs at least one entry.",
          R"(file.yaml:5: oauth.algorithms.0 is "none"; it must be one of ES256, RS256, PS256, EdDSA.)",
          R"(file.yaml:5: oauth.leeway_s is "30"; it must be a whole number.)",
          R"(file.yaml:6: ims.next_hops.0 is "p-cscf.ims.test:5060"; it must be an IP address and a port, like 127.0.0.1:5060 or [::1]:5060.)",
          "file.yaml:6: ims.shards is 0; it must be between 1 and 64."));
}

TEST(ConfigTest, ChecksWhatTheSchemaCannotSay) {
  const auto mistakes = [](const std::string& more) { return Parse(kSmallest + more).mistakes; };
  EXPECT_THAT(mistakes("registration: {default_expires_s: 100, min_expires_s: 200}"),
              ElementsAre(HasSubstr("default_expires_s must not be below min_expires_s")));
  EXPECT_THAT(mistakes("store: {path: /nowhere/x.db}"), ElementsAre(HasSubstr("its folder does not exist")));
  EXPECT_THAT(mistakes("webhooks: {ca_file: nothing.pem}"),
              ElementsAre(HasSubstr("webhooks.ca_file is \"/nothing.pem\"; that file cannot be read")));
  const std::string open =
      std::string(kSmallest).replace(std::string(kSmallest).find("http: {"), 7, "http: {listen: \"0.0.0.0:80\", ");
  EXPECT_THAT(Parse(open).mistakes, ElementsAre(HasSubstr("needs http.tls")));
  const std::string trusted =
      std::string(kSmallest).replace(std::string(kSmallest).find("ims: {"), 6, "ims: {profile: trusted, ");
  EXPECT_THAT(Parse(trusted).mistakes, ElementsAre(HasSubstr("needs ims.visited_network_id")));
  const std::string port = std::string(kSmallest).replace(std::string(kSmallest).find("5070"), 4, "0");
  EXPECT_THAT(Parse(port).mistakes, ElementsAre(HasSubstr("ims.local has port 0")));
  const std::string far = std::string(kSmallest).replace(std::string(kSmallest).find("5070"), 4, "70000");
  EXPECT_THAT(Parse(far).mistakes, ElementsAre(HasSubstr("port from 0 to 65535")));
}

TEST(ConfigTest, CertificatesOfOneEntryPoint) {
  const auto with_http = [](const std::string& keys) {
    return Parse(std::string(kSmallest).replace(std::string(kSmallest).find("http: {"), 7, "http: {" + keys + ", "));
  };
  const LoadedConfig good = with_http(
      "tls: {certificate_file: /dev/null, private_key_file: /dev/null, "
      "certificates: [{certificate_file: /dev/null, private_key_file: /proc/version}]}");
  ASSERT_THAT(good.mistakes, IsEmpty());
  ASSERT_EQ(good.config.http.more_certificates.size(), 1u);
  EXPECT_EQ(good.config.http.more_certificates[0].certificate_file, "/dev/null");
  EXPECT_EQ(good.config.http.more_certificates[0].private_key_file, "/proc/version");
  EXPECT_THAT(
      with_http("tls: {certificate_file: /dev/null, private_key_file: /dev/null, certificates: [{certificate_file: "
                "north.pem, "
                "private_key_file: /dev/null}]}")
          .mistakes,
      ElementsAre(HasSubstr("http.tls.certificates.0.certificate_file is \"/north.pem\"; that file cannot be read")));
  EXPECT_THAT(with_http("tls: {certificate_file: /dev/null, private_key_file: /dev/null, certificates: "
                        "[{certificate_file: /dev/null}]}")
                  .mistakes,
              ElementsAre(HasSubstr("private_key_file")));
  EXPECT_THAT(with_http("tls: {certificates: []}").mistakes, testing::Not(IsEmpty()));
}

TEST(ConfigTest, TheWayToTheCore) {
  const auto ims = [](const std::string& keys) {
    std::string text = kSmallest;
    const size_t start = text.find("ims: {");
    return Parse(text.replace(start, text.find('\n', start) - start,
                              "ims: {home_domain: ims.test, local: \"127.0.0.1:5070\", " + keys + "}"));
  };
  EXPECT_THAT(ims("shards: 1").mistakes, ElementsAre(HasSubstr("ims needs next_hops")));
  EXPECT_THAT(ims("core_domain: a..b").mistakes,
              ElementsAre(HasSubstr("ims.core_domain is \"a..b\"; it must be a domain name")));
  EXPECT_THAT(ims("core_domain: a.b, transport: tls").mistakes,
              ElementsAre(HasSubstr("ims.transport tls needs ims.tls")));
  EXPECT_THAT(ims("core_domain: a.b, tls: {ca_file: no.pem}").mistakes,
              ::testing::UnorderedElementsAre(HasSubstr("ims.tls.ca_file is \"/no.pem\"; that file cannot be read"),
                                              HasSubstr("ims.tls needs ims.transport tls")));
  for (const char* wrong : {"999.1.1.1", "192.0.2.1:0", "192.0.2.1:70000"}) {
    EXPECT_THAT(ims("core_domain: a.b, dns_servers: [\"" + std::string(wrong) + "\"]").mistakes,
                ElementsAre(HasSubstr("ims.dns_servers.0 is \"" + std::string(wrong))))
        << wrong;
  }
  const LoadedConfig good = ims("core_domain: pcscf.ims.test, dns_servers: [\"192.0.2.53\", \"[2001:db8::53]:5353\"]");
  EXPECT_THAT(good.mistakes, ::testing::IsEmpty());
  ASSERT_EQ(good.config.ims.dns_servers.size(), 2u);
  EXPECT_EQ(good.config.ims.dns_servers[0].port, 53);
  EXPECT_EQ(good.config.ims.dns_servers[1].address, "2001:db8::53");
}

TEST(ConfigTest, ClickToCallHasCampaignsAndATrunk) {
  const LoadedConfig loaded = Parse(std::string(kSmallest) + R"(click_to_call:
  trunk: {next_hops: ["127.0.0.20:5060"], domain: peer.test, charging_vector: false, originating_ioi: me}
  incoming_status: 480
  campaigns:
    - {id: shop, called_number: "+34910000100", calling_numbers: ["+34910000001"], clients: [backend]}
    - {id: bank, name: The bank, called_number: "+34910000200", calling_numbers: ["+34910000001", "+34910000002"], clients: [a, b],
       hide_calling_number: true, allowed_origins: ["https://bank.example"], max_calls: 7, max_calls_per_number: 2,
       calls_per_minute: 8, calls_per_minute_per_address: 0, token_lifetime_s: 60, calls_per_token: 5, max_call_s: 900}
)");
  ASSERT_THAT(loaded.mistakes, IsEmpty());
  const ClickToCallSettings& settings = loaded.config.click_to_call;
  EXPECT_EQ(settings.next_hops.at(0).address, "127.0.0.20");
  EXPECT_EQ(settings.domain, "peer.test");
  EXPECT_FALSE(settings.has_charging_vector);
  EXPECT_EQ(settings.originating_ioi, "me");
  EXPECT_EQ(settings.incoming_status, 480);
  EXPECT_EQ(settings.campaigns.at(0).name, "shop") << "the id, where it has no name";
  const click_to_call::Campaign& bank = settings.campaigns.at(1);
  EXPECT_EQ(bank.name, "The bank");
  EXPECT_TRUE(bank.hides_calling_number);
  EXPECT_THAT(bank.allowed_origins, ElementsAre("https://bank.example"));
  EXPECT_EQ(bank.max_calls, 7u);
  EXPECT_EQ(bank.max_calls_per_number, 2u);
  EXPECT_EQ(bank.calls_per_minute, 8u);
  EXPECT_EQ(bank.calls_per_minute_per_address, 0u);
  EXPECT_EQ(bank.token_lifetime, std::chrono::seconds(60));
  EXPECT_EQ(bank.calls_per_token, 5u);
  EXPECT_EQ(bank.max_call, std::chrono::seconds(900));
}

TEST(ConfigTest, EmergencyCallsAreRefusedUntilRouted) {
  const EmergencySettings refused = Parse(kSmallest).config.emergency;
  EXPECT_FALSE(refused.is_routed);
  EXPECT_TRUE(refused.needs_location);
  const LoadedConfig loaded =
      Parse(std::string(kSmallest) +
            "emergency: {policy: route, country: ES, location: optional, next_hops: [\"127.0.0.30:5060\"],\n"
            "  numbers: [{number: \"091\", service: police.national}, {number: \"116\"},"
            "            {number: \"1006\", service: none}]}\n");
  ASSERT_THAT(loaded.mistakes, IsEmpty());
  const EmergencySettings& settings = loaded.config.emergency;
  EXPECT_TRUE(settings.is_routed);
  EXPECT_FALSE(settings.needs_location);
  EXPECT_EQ(settings.next_hops.at(0).address, "127.0.0.30");
  using emergency::ServiceNumber;
  EXPECT_THAT(settings.numbers, ::testing::IsSupersetOf({ServiceNumber{"091", "urn:service:sos.police.national"},
                                                         ServiceNumber{"116", "urn:service:sos"},
                                                         ServiceNumber{"080", "urn:service:sos.fire"}}));
  EXPECT_THAT(loaded.config.ims.emergency_numbers, ::testing::IsSupersetOf({"112", "911", "091", "116", "080"}));
  EXPECT_THAT(loaded.config.ims.emergency_numbers, testing::Not(testing::Contains("1006")))
      << "an ordinary number, says the operator";
}

TEST(ConfigTest, EmergencyMistakesAreNamed) {
  const auto mistakes = [](const std::string& text) {
    return Parse(std::string(kSmallest) + "emergency: " + text + "\n").mistakes;
  };
  EXPECT_THAT(mistakes("{policy: maybe}"), ElementsAre(HasSubstr("emergency.policy")));
  EXPECT_THAT(mistakes("{country: ZZ}"),
              ElementsAre(HasSubstr("emergency.country is \"ZZ\"; its numbers are not known here")));
  EXPECT_THAT(mistakes("{country: es}"), ElementsAre(HasSubstr("two capital letters")));
  EXPECT_THAT(mistakes("{numbers: [{number: \"+34112\"}]}"), ElementsAre(HasSubstr("2 to 8 digits")));
  EXPECT_THAT(mistakes("{numbers: [{number: \"091\", service: Police}]}"),
              ElementsAre(HasSubstr("a service of RFC 5031")));
  EXPECT_THAT(mistakes("{numbers: [{number: \"112\", service: none}]}"),
              ElementsAre(HasSubstr("an emergency number everywhere")));
  EXPECT_THAT(mistakes("{next_hops: [\"ecscf.example:5060\"]}"), ElementsAre(HasSubstr("an IP address and a port")));
}

TEST(ConfigTest, ClickToCallMistakesAreNamed) {
  const auto mistakes = [](const std::string& campaigns,
                           const std::string& trunk = "{next_hops: [\"127.0.0.20:5060\"]}") {
    return Parse(std::string(kSmallest) + "click_to_call:\n  trunk: " + trunk + "\n  campaigns: [" + campaigns + "]\n")
        .mistakes;
  };
  const std::string good =
      R"({id: shop, called_number: "+34910000100", calling_numbers: ["+34910000001"], clients: [b]})";
  EXPECT_THAT(mistakes(good), IsEmpty());
  EXPECT_THAT(mistakes(good, "{}"),
              ElementsAre(HasSubstr("click_to_call.campaigns need click_to_call.trunk.next_hops")));
  EXPECT_THAT(
      mistakes(good + ", " + good),
      ElementsAre(HasSubstr("click_to_call.campaigns.1.id is \"shop\"; another campaign has that id already.")));
  EXPECT_THAT(
      mistakes(R"({id: a, called_number: "+34112", calling_numbers: ["+34910000001"], clients: [b]})"),
      ElementsAre(HasSubstr("campaigns.0.called_number is \"+34112\"; emergency numbers are not called from here.")));
  EXPECT_THAT(
      mistakes(
          R"({id: a, called_number: "+34910000100", calling_numbers: ["+34910000001", "+34910000001"], clients: [b]})"),
      ElementsAre(HasSubstr("that number stands in the list twice")));
  EXPECT_THAT(mistakes(R"({id: a, called_number: "+34910000001", calling_numbers: ["+34910000001"], clients: [b]})"),
              ElementsAre(HasSubstr("a number cannot call itself")));
  EXPECT_THAT(
      mistakes(R"({id: a, called_number: "910000001", calling_numbers: [], clients: [b]})"),
      ::testing::UnorderedElementsAre(HasSubstr("called_number is \"910000001\"; it must be a number in E.164 form"),
                                      HasSubstr("calling_numbers is empty; it needs at least one entry.")));
  EXPECT_THAT(mistakes(R"({id: a, called_number: "+34910000100", calling_numbers: ["+34910000001"]})"),
              ElementsAre(HasSubstr("clients is missing")));
}

TEST(ConfigTest, SipOverWebSocketIsOffUntilEnabled) {
  EXPECT_FALSE(Parse(kSmallest).config.web_sip.is_enabled);
  const LoadedConfig loaded = Parse(std::string(kSmallest) +
                                    "sip_websocket: {enabled: true, path: /ws/sip, digest_algorithms: [MD5],\n"
                                    "  auth_timeout_s: 7, reconnect_grace_s: 0, messages_per_second: 9,\n"
                                    "  requests_per_second_per_user: 2}\n");
  ASSERT_THAT(loaded.mistakes, IsEmpty());
  const WebSipSettings& sip = loaded.config.web_sip;
  EXPECT_TRUE(sip.is_enabled);
  EXPECT_EQ(sip.path, "/ws/sip");
  EXPECT_THAT(sip.digest_algorithms, ElementsAre("MD5"));
  EXPECT_EQ(sip.auth_timeout.count(), 7);
  EXPECT_EQ(sip.reconnect_grace.count(), 0);
  EXPECT_EQ(sip.messages_per_second, 9u);
  EXPECT_EQ(sip.requests_per_second_per_user, 2u);
  EXPECT_THAT(
      Parse(std::string(kSmallest) + "sip_websocket: {path: sip, digest_algorithms: [SHA-1]}").mistakes,
      ::testing::UnorderedElementsAre(HasSubstr("sip_websocket.path is \"sip\"; it must be a path like /sip"),
                                      HasSubstr("digest_algorithms.0 is \"SHA-1\"; it must be one of SHA-256, MD5")));
}

TEST(ConfigTest, PushIsOffUntilItIsSetUp) {
  const LoadedConfig off = Parse(kSmallest);
  EXPECT_FALSE(off.config.push.web_push.is_enabled);
  EXPECT_EQ(off.config.push.fcm.service_account_json, "");
  EXPECT_EQ(off.config.push.apns.key_pem, "");
  const auto mistakes = [](const std::string& push) {
    return Parse(std::string(kSmallest) + "push: {" + push + "}\n").mistakes;
  };
  const std::filesystem::path folder = std::filesystem::temp_directory_path();
  const std::string key = (folder / "byon-config-test.pem").string();
  const std::string web = "web_push: {enabled: true, subject: \"mailto:a@b.example\", vapid_key_file: ";
  EXPECT_THAT(mistakes(web + (folder / "byon-not-there.pem").string() + "}"), IsEmpty()) << "it will be made";
  EXPECT_THAT(mistakes(web + "/nowhere/at/all.pem}"), ElementsAre(HasSubstr("its folder does not exist")));
  std::ofstream(key) << "junk";
  EXPECT_THAT(mistakes(web + key + "}"), ElementsAre(HasSubstr("must hold a P-256 private key in PEM")));
  EXPECT_THAT(mistakes("apns: {key_file: " + key + ", key_id: ABC1234567, team_id: ABC1234567, bundle_id: a.b}"),
              ElementsAre(HasSubstr("push.apns.key_file must hold a P-256 private key")));
  std::ofstream(key) << auth::SigningKey::NewP256Pem();
  EXPECT_THAT(mistakes(web + key + "}"), IsEmpty());
  EXPECT_THAT(mistakes("apns: {key_file: " + key + "}"),
              ElementsAre(HasSubstr("needs push.apns.key_id, team_id and bundle_id")));
  EXPECT_THAT(mistakes("apns: {key_file: /nowhere}"), ElementsAre(HasSubstr("cannot be read")));
  EXPECT_THAT(mistakes("fcm: {service_account_file: /nowhere}"), ElementsAre(HasSubstr("cannot be read")));
  EXPECT_THAT(mistakes("web_push: {enabled: true}"), ElementsAre(HasSubstr("needs push.web_push.subject")));
  EXPECT_THAT(mistakes("web_push: {allowed_hosts: [\"https://a\"]}"),
              ElementsAre(HasSubstr("a host name, *. and the end of one, or *")));
  EXPECT_THAT(mistakes("apns: {key_id: short}"), ElementsAre(HasSubstr("10 capital letters and digits")));
  EXPECT_THAT(mistakes("fcm: {endpoint: \"http://a\"}"), ElementsAre(HasSubstr("an https URL without a path")));
  std::filesystem::remove(key);
}

TEST(ConfigTest, TellsWhatIsNoYaml) {
  EXPECT_THAT(Parse("a: [1").mistakes, ElementsAre(HasSubstr("is no YAML")));
  EXPECT_THAT(Parse("a: 1\na: 2").mistakes, ElementsAre(HasSubstr("Line 2: the key a stands there twice")));
  EXPECT_THAT(Parse(std::string(2 << 20, ' ')).mistakes, ElementsAre(HasSubstr("larger than 1 MiB")));
  EXPECT_THAT(LoadConfig("/nowhere.yaml").mistakes, ElementsAre("/nowhere.yaml: the file cannot be read."));
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'h'; ++c) {
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 9; ++i) bomb += std::string(i > 0 ? "," : "") + "*" + static_cast<char>(c - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(Parse(bomb).mistakes, ElementsAre(HasSubstr("too many")));
}

TEST(ConfigTest, ReadsTheIntrospectionSecret) {
  const auto folder = std::filesystem::temp_directory_path() / "byon-config-test";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "secret") << "hush\n";
  const std::string text =
      std::string(kSmallest).replace(std::string(kSmallest).find("oauth: {"), 8,
                                     "oauth: {introspection: {client_id: gw, client_secret_file: secret}, ");
  const LoadedConfig loaded = ParseConfig(text, "f", folder.string());
  EXPECT_THAT(loaded.mistakes, IsEmpty());
  ASSERT_TRUE(loaded.config.oauth.introspection.has_value());
  EXPECT_EQ(loaded.config.oauth.introspection->client_secret, "hush");
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace byon::runtime
