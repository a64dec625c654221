#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dataplane/base/random.h"
#include "dataplane/dtls/dtls_context.h"
#include "dataplane/dtls/dtls_transport.h"

namespace byon::dtls {

using Datagram = std::vector<std::byte>;

// Simulated time; OpenSSL's clock follows it, because the tests define gettimeofday.
class SimulatedClock {
 public:
  SimulatedClock();
  base::Timestamp now() const;
  void Advance(base::TimeDelta delta);
};

// One process's certificate and context.
struct Identity {
  DtlsCertificate certificate;
  DtlsContext context;
  static Identity Make(std::span<const srtp::SrtpProfile> profiles = DtlsContext::DefaultProfiles());
};

// A transport with everything that it said so far.
class Peer {
 public:
  Peer(const Identity& identity, DtlsRole role) : transport(identity.context, role) {}
  void CollectEvents();

  const DtlsConnected* connected() const;
  const DtlsFailed* failed() const;
  bool closed() const;

  DtlsTransport transport;
  std::vector<DtlsEvent> events;
};

struct Weather {
  double loss = 0;
  double duplicate = 0;
  int max_delay_ms = 5;  // uniform from 1 ms: datagrams overtake each other
  uint64_t seed = 1;
};

// Two peers over a link with weather, in simulated time.
class SimulatedLink {
 public:
  SimulatedLink(SimulatedClock& clock, Peer& a, Peer& b, const Weather& weather)
      : clock_(clock), a_(a), b_(b), weather_(weather), random_(weather.seed) {}
  // Until both have ended or connected, or `limit` has passed.
  void Run(base::TimeDelta limit);
  // Until nothing is on its way and no deadline is left before `limit`.
  void RunQuiet(base::TimeDelta limit);

 private:
  struct InFlight {
    Peer* to;
    Datagram datagram;
  };
  bool Step(base::Timestamp end);
  void Drain(Peer& from, Peer& to);

  SimulatedClock& clock_;
  Peer& a_;
  Peer& b_;
  Weather weather_;
  base::Random random_;
  std::multimap<int64_t, InFlight> in_flight_;  // by arrival, ns
};

std::vector<Datagram> PollAll(DtlsTransport& transport);

// A ClientHello cut into DTLS fragments of at most `bytes` each, one a datagram, with record
// sequence numbers from `first_sequence` on (RFC 6347 section 4.2.3).
std::vector<Datagram> Refragment(const Datagram& client_hello, size_t bytes, uint16_t first_sequence);

}  // namespace byon::dtls
