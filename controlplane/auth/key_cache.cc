#include "controlplane/auth/key_cache.h"

#include <algorithm>

namespace byon::auth {

bool KeyCache::has_keys(WallTime now) const {
  return keys_.size() > 0 && fetched_at_ && now - *fetched_at_ < kMaxAgeWhenDown;
}

const JwkSet& KeyCache::keys(WallTime now) const { return has_keys(now) ? keys_ : none_; }

bool KeyCache::ShouldFetch(bool is_key_missing, WallTime now) const {
  if (is_fetching_) return false;
  // A clock that was set back must not silence us: only an attempt within the last interval counts.
  if (tried_at_ && now >= *tried_at_ && now - *tried_at_ < kMinRefreshInterval) return false;
  return is_key_missing || keys_.size() == 0 || !fetched_at_ || now - *fetched_at_ >= kMaxAge;
}

void KeyCache::OnFetchStarted(WallTime now) {
  tried_at_ = now;
  is_fetching_ = true;
}

void KeyCache::OnFetched(JwkSet keys, WallTime now) {
  is_fetching_ = false;
  keys_ = std::move(keys);
  fetched_at_ = now;
}

void KeyCache::OnFetchFailed() { is_fetching_ = false; }

WallTime KeyCache::TrustedUntil(WallTime now) const {
  return std::max(fetched_at_.value_or(now) + kMaxAge, now + kMinRefreshInterval);
}

}  // namespace byon::auth
