#include "controlplane/sip/sip_config.h"

#include "controlplane/sip/text/header_text.h"
#include "controlplane/sip/text/ip_address.h"

namespace byon::sip {
namespace {

bool IsDomain(const std::string& text) {
  if (text.empty() || text.size() > 253) return false;
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
         std::string::npos;
}

std::optional<std::string> CheckNextHop(const std::string& hop, bool has_tls) {
  const auto uri = ParseUri(hop);
  if (!IsSafeUri(hop) || !uri || uri->scheme != "sip" || !IpAddress::Parse(uri->host)) {
    return "sip.next_hops: \"" + hop + "\" must be sip:IP[:port][;transport=udp|tcp|tls], an IP address";
  }
  if (NamesTls(*uri) != has_tls) {
    return "sip.next_hops: \"" + hop + "\" must " + (has_tls ? "" : "not ") + "have ;transport=tls, as sip.tls is " +
           (has_tls ? "set" : "not set");
  }
  return std::nullopt;
}

std::optional<std::string> CheckTls(const SipTls& tls) {
  if (tls.ca_file.empty()) return "sip.tls.ca_file: is needed, the certificates that vouch for the core";
  if (tls.certificate_file.empty() != tls.private_key_file.empty()) {
    return "sip.tls.certificate_file and sip.tls.private_key_file: one needs the other";
  }
  if (!tls.peer_name.empty() && !IsDomain(tls.peer_name)) {
    return "sip.tls.peer_name: \"" + tls.peer_name + "\" must be a domain name";
  }
  return std::nullopt;
}

std::optional<std::string> CheckTrunk(const SipTrunk& trunk) {
  for (const std::string& hop : trunk.next_hops) {
    const auto uri = ParseUri(hop);
    if (IsSafeUri(hop) && uri && uri->scheme == "sip" && IpAddress::Parse(uri->host)) continue;
    return "sip.trunk.next_hops: \"" + hop + "\" must be sip:IP[:port], an IP address";
  }
  if (!trunk.domain.empty() && !IsDomain(trunk.domain)) {
    return "sip.trunk.domain: \"" + trunk.domain + "\" must be a domain name";
  }
  if (!IsSafeText(trunk.originating_ioi)) return "sip.trunk.originating_ioi: must be printable text on one line";
  if (trunk.incoming_status != 404 && trunk.incoming_status != 480) {
    return "sip.trunk.incoming_status: " + std::to_string(trunk.incoming_status) + " must be 404 or 480";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> Validate(const SipConfig& config) {
  const auto local = IpAddress::Parse(config.local_address);
  if (!local || config.local_address == "0.0.0.0" || config.local_address == "::") {
    return "sip.local_address: \"" + config.local_address + "\" must be one IP address of this host";
  }
  if (config.local_port == 0) return "sip.local_port: 0 must be 1 to 65535";
  if (config.shards == 0 || config.shards > 64 || config.local_port + config.shards > 65536) {
    return "sip.shards: " + std::to_string(config.shards) + " must be 1 to 64, with local_port + shards within 65536";
  }
  if (!IsDomain(config.home_domain)) {
    return "sip.home_domain: \"" + config.home_domain + "\" must be a domain name";
  }
  if (!config.realm.empty() && !IsSafeText(config.realm)) {
    return "sip.realm: must be printable text on one line";
  }
  if (config.next_hops.empty() && !config.finds_next_hops)
    return "sip.next_hops: at least one P-CSCF or A-SBC is needed";
  for (const std::string& hop : config.next_hops) {
    if (auto error = CheckNextHop(hop, config.tls.has_value())) return error;
  }
  for (const std::string& hop : config.emergency_next_hops) {
    if (auto error = CheckNextHop(hop, config.tls.has_value())) return error;
  }
  if (config.tls) {
    if (auto error = CheckTls(*config.tls)) return error;
  }
  if (auto error = CheckTrunk(config.trunk)) return error;
  for (const std::string& peer : config.allowed_peers) {
    if (!IpAddress::Parse(peer)) return "sip.allowed_peers: \"" + peer + "\" must be an IP address";
  }
  if (!IsSafeText(config.access_network_info) || !IsSafeText(config.visited_network_id) ||
      !IsSafeText(config.originating_ioi)) {
    return "sip.access_network_info, sip.visited_network_id and sip.originating_ioi: must be printable "
           "text on one line";
  }
  if (config.profile == SipProfile::kTrustedNode && config.visited_network_id.empty()) {
    return "sip.visited_network_id: the trusted-node profile needs it";
  }
  if (config.session_expires.count() != 0 && config.session_expires < config.min_session_expires) {
    return "sip.session_expires: must be 0 or at least sip.min_session_expires";
  }
  if (config.udp_mtu < 500 || config.udp_mtu > 65535) {
    return "sip.udp_mtu: " + std::to_string(config.udp_mtu) + " must be 500 to 65535";
  }
  if (config.requests_per_second_per_peer == 0) {
    return "sip.requests_per_second_per_peer: 0 must be at least 1";
  }
  if (config.timers.t1.count() < 1 || config.timers.t2 < config.timers.t1 ||
      config.timers.register_deadline.count() < 1) {
    return "sip.timers: t1 and register_deadline must be positive and t2 at least t1";
  }
  return std::nullopt;
}

}  // namespace byon::sip
