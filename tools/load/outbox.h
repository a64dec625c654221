#pragma once

#include <cstddef>
#include <cstdint>
#include <queue>
#include <span>
#include <vector>

#include "dataplane/srtp/srtp_session.h"
#include "tools/load/udp_socket.h"
#include "tools/load/weather.h"

namespace byon::load {

// Collects what is to be sent: encrypts it in one burst over all calls, holds back what the weather
// delays, and sends the rest of each socket with one system call.
class Outbox {
 public:
  explicit Outbox(srtp::SrtpTransform& transform) : transform_(transform) { staged_.resize(kCapacity); }

  // Room for the next packet, until Commit(); Flush() before when it is full.
  PacketBuffer& Next(base::Timestamp now);
  // Takes the packet written last. `session` encrypts it; null leaves it as it is. `to` must live
  // until Flush(), the session too.
  void Commit(int fd, const KernelAddress& to, srtp::SrtpSession* session, const WeatherPath::Fate& fate);
  void Flush(base::Timestamp now);
  // Sends what was held back until now; when the next is due.
  base::Timestamp SendDelayed(base::Timestamp now);

 private:
  static constexpr size_t kCapacity = 256;

  struct Staged {
    PacketBuffer buffer;
    int fd = -1;
    const KernelAddress* to = nullptr;
    srtp::SrtpSession* session = nullptr;
    base::TimeDelta delay;
    bool is_duplicated = false;
  };
  struct Delayed {
    base::Timestamp due;
    uint64_t order;
    int fd;
    KernelAddress to;
    std::vector<std::byte> bytes;
    bool operator>(const Delayed& other) const { return due != other.due ? due > other.due : order > other.order; }
  };

  void Encrypt();
  void SendTogether(std::span<Staged* const> packets);

  srtp::SrtpTransform& transform_;
  std::vector<Staged> staged_;
  size_t count_ = 0;
  uint64_t order_ = 0;
  std::priority_queue<Delayed, std::vector<Delayed>, std::greater<>> delayed_;
  std::vector<srtp::BurstPacket> burst_;
  std::vector<Staged*> at_once_;
};

}  // namespace byon::load
