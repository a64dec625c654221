#include "controlplane/sip/peer_filter.h"

#include <algorithm>

namespace byon::sip {
namespace {

constexpr double kDepthS = 2;

}  // namespace

bool PeerFilter::Bucket::Take(double rate, TimePoint now) {
  const std::chrono::duration<double> elapsed = now - filled_at;
  tokens = std::min(kDepthS * rate, tokens + elapsed.count() * rate);
  filled_at = now;
  if (tokens < 1) return false;
  tokens -= 1;
  return true;
}

PeerFilter::Buckets::Buckets(double rate)
    : new_requests{.tokens = kDepthS * rate, .filled_at = {}},
      refusals{.tokens = kDepthS * rate, .filled_at = {}},
      in_dialog{.tokens = kDepthS * rate * kInDialogFactor, .filled_at = {}} {}

PeerFilter::PeerFilter(const std::vector<IpAddress>& allowed, unsigned rate) : rate_(rate) { SetAllowed(allowed); }

void PeerFilter::SetAllowed(const std::vector<IpAddress>& allowed) {
  std::map<IpAddress, Buckets> buckets;
  for (const IpAddress& address : allowed) {
    const auto known = buckets_.find(address);
    buckets.emplace(address, known != buckets_.end() ? known->second : Buckets(rate_));
  }
  buckets_ = std::move(buckets);
}

PeerFilter::Verdict PeerFilter::Check(const IpAddress& source, Request request, TimePoint now) {
  const auto found = buckets_.find(source);
  if (found == buckets_.end()) return Verdict::kUnknownPeer;
  Buckets& buckets = found->second;
  if (request == Request::kInDialog) {
    return buckets.in_dialog.Take(rate_ * kInDialogFactor, now) ? Verdict::kAccept : Verdict::kRateLimited;
  }
  if (buckets.new_requests.Take(rate_, now)) return Verdict::kAccept;
  return buckets.refusals.Take(rate_, now) ? Verdict::kBusy : Verdict::kRateLimited;
}

}  // namespace byon::sip
