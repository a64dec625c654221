#pragma once

#include <functional>
#include <optional>
#include <string>

#include "controlplane/auth/digest.h"
#include "controlplane/call/sip_signaling.h"
#include "controlplane/registration/sip_registrar.h"
#include "controlplane/sip/credential_source.h"
#include "controlplane/sip/hops/call_hold.h"
#include "controlplane/sip/hops/hop_health.h"
#include "controlplane/sip/hops/hop_list.h"
#include "controlplane/sip/peer_filter.h"
#include "controlplane/sip/sip_config.h"
#include "controlplane/sip/sip_counters.h"
#include "controlplane/sip/sip_thread.h"
#include "controlplane/sip/transactions.h"

namespace byon::sip {

// What the parts of one shard share. Used on the shard's SIP thread only; the two Notify functions
// lead to the strand.
struct ShardContext {
  const SipConfig& config;
  unsigned shard;
  SipCounters& counters;
  CredentialSource* credentials;  // may be null
  SipThread& thread;
  TransactionLayer& transactions;
  PeerFilter& peers;
  HopList& hop_list;
  HopHealth& hops;
  HopHealth& trunk_hops;
  HopHealth& emergency_hops;
  CallHold& call_hold;
  std::function<void(std::function<void(call::SipSignalingObserver&)>)> notify_calls;
  std::function<void(std::function<void(registration::SipRegistrarObserver&)>)> notify_registrations;
  std::function<void(registration::RegistrationId)> on_binding_gone;
  // What the registration of a token got for its dialogs.
  struct DialogContact {
    std::string gruu;  // empty: none
    bool is_outbound = false;
  };
  std::function<DialogContact(const std::string& token)> dialog_contact;
  // The hop list has one more.
  std::function<void()> on_hops_changed;
  // Why TLS was refused lately, by us or the peer; empty: it was not. Null without TLS.
  std::function<std::string()> tls_refusal;

  // Our address as the host of a URI: IPv6 in brackets.
  std::string LocalHost() const {
    const bool is_ipv6 = config.local_address.find(':') != std::string::npos;
    return is_ipv6 ? "[" + config.local_address + "]" : config.local_address;
  }
  const std::string& realm() const { return config.realm.empty() ? config.home_domain : config.realm; }
  // Where a request goes on the wire: the first of `routes` (header values) or the target (a URI) when
  // it names an allowed peer by address, else the P-CSCF. We never resolve names, and never send to
  // strangers.
  std::string WireDestination(const std::vector<std::string>& routes, const std::string& target,
                              const std::string& next_hop) const;
  // The Route values of a request of ours outside of dialogs (TS 24.229 section 5.1.2A.1.1).
  std::vector<std::string> OriginatingRoutes(const std::string& next_hop,
                                             const std::vector<std::string>& service_route) const;
  // The header in which we name the user's identity.
  std::string_view IdentityHeader() const {
    return config.profile == SipProfile::kTrustedNode ? "P-Asserted-Identity" : "P-Preferred-Identity";
  }
  // Of URIs that lead to us: by what the network is to reach us, which is how we reach it; empty: UDP.
  std::string TransportParameter() const;
  // P-Charging-Vector of a request that a trusted node sends outside of dialogs, as the P-CSCF that it is there (TS
  // 24.229 section 5.2.6.3, RFC 7315 section 5.6); empty in other profiles.
  std::string ChargingVector() const;
  // "<sip:token@host:port>" of our Contact in a REGISTER, without feature tags.
  std::string RegisteredContact(const std::string& token) const;
  // The same for requests that begin a dialog: the GRUU of the registration where there is one, or with "ob" where the
  // dialog is to stay on the registration's flow (RFC 5627 section 4.4, RFC 5626 section 4.3).
  std::string ContactAddress(const std::string& token) const;
};

// As whom a user with this IMPU speaks: only what the network has associated with the registration may be claimed
// (TS 24.229 section 5.1.2A.1.1), and that is another identity where the IMPU is barred.
std::string ClaimedIdentity(const std::string& impu, const std::vector<std::string>& associated_uris);
// The same where a sip: URI is asked for (TS 24.229 section 5.1.1.3).
std::string ClaimedSipIdentity(const std::string& impu, const std::vector<std::string>& associated_uris);

// "Name: value\r\n"; nothing for an empty value. The value is ours or has been checked.
void AddHeader(std::string& headers, std::string_view name, std::string_view value);
// Fresh random hex text of `bytes` bytes, from the operating system.
// The name of a call in Session-ID: its own in our logs, where that is fit to be one.
std::string SessionUuidOf(const std::string& call_id);
std::string RandomHex(size_t bytes);
// Uniform in [low, high] milliseconds.
std::chrono::milliseconds RandomDelay(std::chrono::milliseconds low, std::chrono::milliseconds high);

// Header lines that all our requests carry.
inline constexpr const char* kMmtelIcsi = "urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel";

// The answer to a challenge: a header line, and what further requests of the same nonce need.
struct ChallengeAnswer {
  std::string line;
  auth::DigestSession session;
  std::string aka_response;  // RES, the password of this session (RFC 3310); empty: digest
  bool is_proof = true;      // false: a resynchronisation of the ISIM, or the network failed to prove itself
};
// Nothing when the challenge is not of the configured realm, cannot be answered or digest is not
// ours to give (counted). Of several challenges AKA goes first, for those that have an ISIM, then
// SHA-256.
std::optional<ChallengeAnswer> AnswerAnyChallenge(const ShardContext& context, const MessageView& response,
                                                  std::string_view method, std::string_view uri,
                                                  const std::string& impi);

// An Authorization or Proxy-Authorization line for a 401 or 407 to one of our requests; nothing when
// the challenge is not of the configured realm, cannot be answered or digest is not ours to give
// (counted). `session` then holds the challenge, for the next requests.
std::optional<std::string> AnswerChallenge(const ShardContext& context, const MessageView& response,
                                           std::string_view method, std::string_view uri, const std::string& impi,
                                           auth::DigestSession* session);

}  // namespace byon::sip
