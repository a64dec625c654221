#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/base/time.h"

namespace byon::quality {

// How the time of a packet on the way varies. Packets stay in order, as they do in one radio bearer
// or one queue.
enum class JitterProfile : uint8_t {
  kNone,
  // Of the kind of the delay profiles of TS 26.132: discontinuous reception with a 40 ms cycle on
  // both radio links, 10 % of the transport blocks sent again after 8 ms.
  kLteDrx40,
  kUniform40,     // 0 to 40 ms, any packet for itself
  kWifi,          // 5 ms on average, exponential; once a second or so 20 to 60 ms without a packet
  kCrossTraffic,  // a queue that others fill by 40 to 120 ms now and then, and that drains slowly
};

// What the network does to one stream.
struct Weather {
  std::string name;
  double loss = 0;        // share of packets, each on its own
  double burst_loss = 0;  // share of packets in bursts of 60 ms on average (Gilbert)
  JitterProfile jitter = JitterProfile::kNone;
  double drift = 0;    // the sender's clock runs fast by this share
  double reorder = 0;  // share of packets that arrive 25 ms later, behind their successor
  double duplicate = 0;
  base::TimeDelta stall_at;    // after the start of the call
  base::TimeDelta stall;       // nothing arrives for so long, then all at once; zero for never
  bool loses_stalled = false;  // they never arrive
  // Share of the packets, each on its own, that are lost behind the gateway, on the way to the listener.
  double listener_loss = 0;
};

// When each packet was sent and what arrived when.
struct Trace {
  struct Arrival {
    uint32_t packet = 0;  // index, in the order sent
    base::Timestamp at;
  };
  std::vector<base::Timestamp> sent_at;
  std::vector<bool> is_lost;
  std::vector<bool> is_lost_to_listener;  // of what the gateway sends, in its order
  std::vector<Arrival> arrivals;          // in their order

  // Time on the way of all packets without any jitter.
  static constexpr base::TimeDelta kTransit = base::TimeDelta::Milliseconds(20);
  static constexpr base::TimeDelta kPacketTime = base::TimeDelta::Milliseconds(20);
  // 95th percentile of the time on the way above kTransit, of packets sent at `from` or later, in
  // ms.
  double ArrivalP95Ms(base::Timestamp from) const;
  // Share of the packets sent at `from` or later that are longer on the way than `delay_ms` above kTransit.
  double LateShare(base::Timestamp from, double delay_ms) const;
  // Lost packets of those with index `from` or above.
  size_t LostSince(size_t from) const;

 private:
  std::vector<double> DelaysMs(base::Timestamp from) const;
};

// The same arguments give the same trace. Losses of two weathers with the same seed are nested: a
// packet lost at 5 % is lost at 10 % too, so that rows compare. `packet_time`: at most 60 ms.
Trace MakeTrace(const Weather& weather, size_t packets, base::Timestamp start, uint64_t seed,
                base::TimeDelta packet_time = Trace::kPacketTime);

}  // namespace byon::quality
