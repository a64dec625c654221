#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/base/time.h"
#include "dataplane/session/token_bucket.h"

namespace byon::session {

// What one side of a call may send; 0: as much as it likes.
struct MediaLimit {
  uint32_t packets_per_second = 500;
  uint32_t bits_per_second = 4'000'000;  // of RTP and RTCP, without lower layers
};

// Holds a client that has the keys, or the network's endpoint, to what a call needs: each packet is decoded, or costs
// whatever is beyond where it is relayed. Only packets that are proved to be its own, or are from its address where
// there are no keys, are charged, so nobody else can use it up; while it is used up, nothing is even tried. A second's
// worth may come at once, as after a stall of the network.
// What is not authentic, or comes twice, costs a cipher and is not charged: anybody can send that.
class MediaBudget {
 public:
  explicit MediaBudget(const MediaLimit& limit) {
    if (limit.packets_per_second != 0) {
      packets_.emplace(limit.packets_per_second, limit.packets_per_second);
    }
    const uint32_t bytes = limit.bits_per_second / 8;
    if (bytes != 0) bytes_.emplace(bytes, bytes);
  }

  // Whether another packet may be tried.
  [[nodiscard]] bool HasAny(base::Timestamp now) {
    return (!packets_ || packets_->HasAny(now)) && (!bytes_ || bytes_->HasAny(now));
  }
  // Charges a packet that was tried and is authentic. A burst that was let through together may leave a debt.
  void Spend(size_t bytes) {
    if (packets_) packets_->Spend(1);
    if (bytes_) bytes_->Spend(static_cast<int64_t>(bytes));
  }

 private:
  std::optional<TokenBucket> packets_;
  std::optional<TokenBucket> bytes_;
};

}  // namespace byon::session
