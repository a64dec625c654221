#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "dataplane/base/random.h"
#include "dataplane/base/time.h"

namespace byon::test {

// What a simulated path does to packets. Probabilities are 0 to 1.
struct NetworkWeather {
  base::TimeDelta delay = base::TimeDelta::Milliseconds(20);
  base::TimeDelta jitter;   // each packet takes up to this much longer, uniformly
  double loss = 0;          // of each packet on its own
  double burst_start = 0;   // chance that a burst of loss starts at a packet
  double burst_length = 1;  // mean packets in a burst
  double reorder = 0;       // chance that a packet takes `reorder_delay` longer
  base::TimeDelta reorder_delay = base::TimeDelta::Milliseconds(25);
  double duplicate = 0;

  static NetworkWeather Clean() { return {}; }
  static NetworkWeather Loss(double share) { return {.loss = share}; }
  // Gilbert: 5 % of the packets in bursts of three.
  static NetworkWeather BurstLoss() { return {.burst_start = 0.018, .burst_length = 3}; }
  static NetworkWeather Jitter(int64_t ms) { return {.jitter = base::TimeDelta::Milliseconds(ms)}; }
  static NetworkWeather Reorder() { return {.reorder = 0.05}; }
  static NetworkWeather Duplicate() { return {.duplicate = 0.1}; }
  // Everything at once: a crowded radio cell.
  static NetworkWeather Storm() {
    return {.jitter = base::TimeDelta::Milliseconds(40),
            .loss = 0.03,
            .burst_start = 0.005,
            .burst_length = 3,
            .reorder = 0.02,
            .duplicate = 0.02};
  }
};

// A one-way path in simulated time: what is sent comes out later, elsewhere in the order, twice or not
// at all. The same seed gives the same path.
template <typename Packet>
class NetworkSimulator {
 public:
  NetworkSimulator(const NetworkWeather& weather, uint64_t seed) : weather_(weather), random_(seed) {}

  void set_weather(const NetworkWeather& weather) { weather_ = weather; }
  // Nothing comes out until `until`; then all of it at once.
  void StallUntil(base::Timestamp until) { stalled_until_ = until; }

  void Send(Packet packet, base::Timestamp now) {
    ++sent_;
    if (IsLost()) {
      ++lost_;
      return;
    }
    if (random_.NextUnit() < weather_.duplicate) Enqueue(packet, now);
    Enqueue(std::move(packet), now);
  }

  struct Delivery {
    Packet packet;
    base::Timestamp at;
  };
  // The next packet that has arrived by `now`, in the order of arrival.
  std::optional<Delivery> Receive(base::Timestamp now) {
    if (queue_.empty() || queue_.front().at > now) return std::nullopt;
    Delivery delivery = std::move(queue_.front());
    queue_.erase(queue_.begin());
    return delivery;
  }

  uint64_t sent() const { return sent_; }
  uint64_t lost() const { return lost_; }

 private:
  bool IsLost() {
    if (burst_left_ > 0) return --burst_left_, true;
    if (random_.NextUnit() < weather_.burst_start) {
      // Geometric with the wanted mean, this packet included.
      while (random_.NextUnit() > 1 / weather_.burst_length) ++burst_left_;
      return true;
    }
    return random_.NextUnit() < weather_.loss;
  }

  void Enqueue(Packet packet, base::Timestamp now) {
    base::TimeDelta transit = weather_.delay;
    transit += base::TimeDelta::Nanoseconds(
        static_cast<int64_t>(random_.NextUnit() * static_cast<double>(weather_.jitter.nanoseconds())));
    if (random_.NextUnit() < weather_.reorder) transit += weather_.reorder_delay;
    const base::Timestamp at = std::max(now + transit, stalled_until_);
    const auto behind =
        std::upper_bound(queue_.begin(), queue_.end(), at,
                         [](base::Timestamp time, const Delivery& delivery) { return time < delivery.at; });
    queue_.insert(behind, Delivery{std::move(packet), at});
  }

  NetworkWeather weather_;
  base::Random random_;
  std::vector<Delivery> queue_;  // in the order of arrival
  base::Timestamp stalled_until_;
  int burst_left_ = 0;
  uint64_t sent_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace byon::test
