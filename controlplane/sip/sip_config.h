#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace byon::sip {

// How the core sees the gateway: ims.md "integration profiles".
enum class SipProfile {
  kUserEquipment,  // UE on Gm: digest, P-Preferred-Identity
  kTrustedAccess,  // UE behind an allow-listed A-SBC: the same without credentials
  kTrustedNode,    // UE and P-CSCF on Mw (TS 33.203 annex U): auth-done, Path, P-Asserted-Identity
};

struct SipTimers {
  std::chrono::milliseconds t1{500};  // RFC 3261 section 17.1.1.1
  std::chrono::milliseconds t2{4000};
  std::chrono::milliseconds t4{5000};
  std::chrono::milliseconds register_deadline{4000};  // an unanswered REGISTER goes to the next P-CSCF
  std::chrono::milliseconds invite_deadline{8000};    // INVITE without so much as a 100
  std::chrono::milliseconds answer_deadline{15000};   // SendAnswer must come within this
  // So long a document may be behind the registrar, and the next one wait for its turn, twice over (RFC 3680
  // section 4.10).
  std::chrono::milliseconds reg_event_doubt{10000};
  std::chrono::milliseconds device_search{3000};  // so long somebody waits to hear which phones there are
};

// TLS 1.2 or later towards the core (TS 33.203 annex O). With it nothing else is bound: neither side can fall back
// to a message in the clear.
struct SipTls {
  std::string ca_file;           // PEM: who vouches for the core's certificates
  std::string certificate_file;  // PEM: ours, with its chain; empty: none, then the core cannot connect to us
  std::string private_key_file;  // PEM, without a passphrase
  std::string peer_name;         // SIP domain in the core's certificates (RFC 5922); empty: home_domain
};

// The interconnection (NNI) over which calls go that no registration stands behind: as numbers that the gateway itself
// vouches for, to peers that know it by its address.
struct SipTrunk {
  std::vector<std::string> next_hops;  // as SipConfig::next_hops, best first; empty: there is no trunk
  std::string domain;                  // of the Request-URI; empty: home_domain
  bool has_charging_vector = true;     // P-Charging-Vector (RFC 7315 section 4.6)
  std::string originating_ioi;         // its orig-ioi
  std::vector<std::string> numbers;    // +E.164, of the calls that go out
  int incoming_status = 404;           // what an INVITE to one of them is answered: 404 or 480
};

struct SipConfig {
  std::string local_address;   // IP literal; UDP and TCP are bound to it, or TLS alone
  uint16_t local_port = 5060;  // shard n listens on local_port + n
  unsigned shards = 1;
  std::string home_domain;  // ims.example
  std::string realm;        // digest realm; empty: home_domain
  // P-CSCF or A-SBC (profile kTrustedNode: I-CSCF) in order of preference: sip:IP[:port][;transport=tcp|tls],
  // all of them or none with tls
  std::vector<std::string> next_hops;
  bool finds_next_hops = false;  // they come later, by SetNextHops; then there may be none here
  // Requests are held off until SetDialogsRestored, those to unknown numbers until SetRestored, so that nobody is told
  // that a number is not registered that is.
  bool waits_for_restore = false;
  // OPTIONS to each of several next hops this often (0: never), to notice one that died.
  std::chrono::milliseconds keepalive{0};
  std::vector<std::string> allowed_peers;  // IP literals that may also send to us, e.g. S-CSCFs
  SipProfile profile = SipProfile::kUserEquipment;
  std::optional<SipTls> tls;
  SipTrunk trunk;
  // E-CSCFs or emergency P-CSCFs, as next_hops, best first, to which we assert who calls; empty: emergency calls go the
  // way of others.
  std::vector<std::string> emergency_next_hops;

  std::string access_network_info;  // P-Access-Network-Info; empty: not sent
  std::string visited_network_id;   // kTrustedNode: P-Visited-Network-ID
  std::string originating_ioi;      // kTrustedNode: orig-ioi of P-Charging-Vector
  bool precondition = true;         // offer the option tag in Supported (RFC 3312)
  // The network checks callers' numbers and lets nobody else's verstat through (TS 24.229 section 7.2A.20).
  bool believes_verstat = false;
  bool accepts_refer = false;         // REFER in a dialog (RFC 3515); else 403
  bool reg_event = true;              // SUBSCRIBE Event: reg after each registration (RFC 3680)
  bool uses_gruu = false;             // the public GRUU of a registration as Contact of its dialogs (RFC 5627)
  bool uses_outbound = false;         // reg-id and ob (RFC 5626); given up where the first hop says 439
  bool initial_authorization = true;  // first REGISTER names the IMPI (kUserEquipment)
  // Session timer (RFC 4028); session_expires 0 switches it off.
  std::chrono::seconds session_expires{1800};
  std::chrono::seconds min_session_expires{90};

  unsigned udp_mtu = 1300;  // longer requests go by TCP (RFC 3261 section 18.1.1)
  // Outside of dialogs: the rate of a token bucket, whose depth is two seconds' worth; ten times as many within.
  unsigned requests_per_second_per_peer = 2000;
  unsigned max_incoming_invites = 20000;         // unanswered INVITEs before 503
  std::chrono::seconds resubscribe_window{120};  // what is to register anew spreads over this
  SipTimers timers;
};

// One sentence (key, value, what is allowed) when the configuration cannot be used.
[[nodiscard]] std::optional<std::string> Validate(const SipConfig& config);

}  // namespace byon::sip
