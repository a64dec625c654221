#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/base/fixed_vector.h"
#include "dataplane/base/time.h"
#include "dataplane/net/ip_address.h"
#include "dataplane/net/mac_address.h"

namespace byon::net {

// The MAC addresses of neighbours, for ARP (RFC 826, RFC 1122 section 2.3.2) and NDP (RFC 4861
// section 7.3) alike. Sans-IO: it says whom to ask (PollSolicitation), and gives packets that
// waited back when the answer came (PollReady) or did not (PollUnreachable). Packets are opaque
// pointers of the owner's. Memory is fixed: 64 sets of 8 neighbours.
class NeighbourTable {
 public:
  static constexpr base::TimeDelta kReachableTime = base::TimeDelta::Seconds(30);
  static constexpr base::TimeDelta kRetryInterval = base::TimeDelta::Seconds(1);
  static constexpr int kMaxSolicitations = 3;
  static constexpr size_t kMaxPendingPerNeighbour = 8;
  static constexpr size_t kMaxPending = 256;

  enum class Outcome : uint8_t { kReady, kQueued, kQueueFull, kTableFull };
  struct Resolution {
    Outcome outcome = Outcome::kTableFull;
    MacAddress mac;  // with kReady
  };
  // The MAC of `ip`, or keeps `packet` until it is known. Only kQueued takes the packet.
  Resolution Resolve(const IpAddress& ip, void* packet, base::Timestamp now);

  // Somebody said that `ip` is at `mac`. Makes an entry only when `may_create`; `is_confirmation`
  // when it answers a question of ours, so that the way there and back is proved.
  void Learn(const IpAddress& ip, const MacAddress& mac, bool may_create, bool is_confirmation, base::Timestamp now);

  void HandleTimeout(base::Timestamp now);
  base::Timestamp NextDeadline() const { return next_deadline_; }

  struct Solicitation {
    IpAddress ip;
    std::optional<MacAddress> mac;  // a probe of a known neighbour goes straight to it
  };
  bool has_solicitations() const { return !solicitations_.empty(); }
  std::optional<Solicitation> PollSolicitation();
  struct ReadyPacket {
    void* packet = nullptr;
    MacAddress mac;
  };
  std::optional<ReadyPacket> PollReady();
  std::optional<void*> PollUnreachable();

  size_t size() const;

 private:
  enum class State : uint8_t { kFree, kIncomplete, kReachable, kProbing };
  struct Entry {
    State state = State::kFree;
    uint8_t solicitations = 0;
    IpAddress ip;
    MacAddress mac;
    base::Timestamp deadline;  // kIncomplete, kProbing: next try; kReachable: end of certainty
    base::Timestamp last_used;
    base::FixedVector<void*, kMaxPendingPerNeighbour> pending;
  };
  static constexpr size_t kSets = 64;
  static constexpr size_t kWays = 8;

  Entry* Find(const IpAddress& ip);
  Entry* Create(const IpAddress& ip, base::Timestamp now);
  void Solicit(Entry& entry, base::Timestamp now);
  void Release(Entry& entry, bool is_reachable);

  std::array<std::array<Entry, kWays>, kSets> sets_{};
  base::FixedVector<Solicitation, 64> solicitations_;
  base::FixedVector<ReadyPacket, kMaxPending> ready_;
  base::FixedVector<void*, kMaxPending> unreachable_;
  size_t pending_count_ = 0;
  base::Timestamp next_deadline_ = base::Timestamp::Infinite();
};

}  // namespace byon::net
