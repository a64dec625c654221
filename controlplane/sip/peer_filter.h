#pragma once

#include <chrono>
#include <map>
#include <vector>

#include "controlplane/sip/text/ip_address.h"

namespace byon::sip {

// Who may speak to us and how fast: an allow-list of core addresses, token buckets for each. What belongs to dialogs
// has a much larger one of its own: whoever floods a P-CSCF with calls must not cost all others their BYEs. Holds state
// for listed addresses only, so a flood from elsewhere allocates nothing.
class PeerFilter {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  enum class Verdict {
    kAccept,
    kUnknownPeer,
    kBusy,         // to be told to come later (503)
    kRateLimited,  // to be dropped: even to say so has a price
  };
  enum class Request { kNew, kInDialog };
  // So many times as many requests in dialogs as new ones.
  static constexpr unsigned kInDialogFactor = 10;

  // `rate`: new requests a second a peer, and as many refusals; a bucket holds two seconds' worth.
  PeerFilter(const std::vector<IpAddress>& allowed, unsigned rate);

  // The new list; addresses that stay keep what is left in their buckets.
  void SetAllowed(const std::vector<IpAddress>& allowed);
  [[nodiscard]] Verdict Check(const IpAddress& source, Request request, TimePoint now);
  [[nodiscard]] bool IsAllowed(const IpAddress& address) const { return buckets_.contains(address); }

 private:
  struct Bucket {
    double tokens = 0;
    TimePoint filled_at;
    bool Take(double rate, TimePoint now);
  };
  struct Buckets {
    explicit Buckets(double rate);
    Bucket new_requests;
    Bucket refusals;
    Bucket in_dialog;
  };
  const double rate_;
  std::map<IpAddress, Buckets> buckets_;
};

}  // namespace byon::sip
