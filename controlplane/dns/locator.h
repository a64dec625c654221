#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "controlplane/dns/answer.h"

namespace byon::dns {

enum class SipTransport { kUdp, kTcp, kTls };

struct Target {
  std::string address;  // IP literal, without brackets
  uint16_t port = 0;
  bool operator==(const Target&) const = default;
};

// Where the SIP servers of a domain are.
struct Location {
  std::vector<Target> targets;  // best first; empty: there are none, or nobody could say
  std::chrono::seconds ttl{0};  // how long the records behind them hold
  bool is_certain = true;       // false: a name server did not answer, there may be others
};

// Asks for one (name, type); the handler may run at once.
using Lookup =
    std::function<void(const std::string& name, RecordType type, std::function<void(const Answer&)> handler)>;

struct LocateRequest {
  std::string domain;
  SipTransport transport = SipTransport::kUdp;  // the one that is spoken; no other is looked for
  bool is_ipv6 = false;                         // the family that is spoken
};

// RFC 3263 section 4 for one transport: NAPTR of the domain, SRV of what they name or else of the domain's own service,
// addresses of their targets or else of the domain itself with the default port. Of one priority those with more weight
// come first more often (RFC 2782): `random` gives uniform numbers below its argument. At most 16 targets.
void Locate(const LocateRequest& request, Lookup lookup, std::function<uint32_t(uint32_t bound)> random,
            std::function<void(const Location&)> handler);

}  // namespace byon::dns
