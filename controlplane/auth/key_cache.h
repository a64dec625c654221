#pragma once

#include <chrono>
#include <optional>

#include "controlplane/auth/jwk_set.h"
#include "controlplane/auth/verified_token.h"

namespace byon::auth {

// The keys of one issuer and the rules of when to fetch them anew.
class KeyCache {
 public:
  // A flood of tokens with invented kids must not become a flood of fetches.
  static constexpr std::chrono::seconds kMinRefreshInterval{10};
  // A key taken back by the issuer is out of use here after this at the latest.
  static constexpr std::chrono::minutes kMaxAge{10};
  // While the issuer is down its last keys serve on; beyond this they are too old to trust.
  static constexpr std::chrono::hours kMaxAgeWhenDown{48};

  // Empty before the first fetch, when too old, and when the issuer has taken all of them back.
  const JwkSet& keys(WallTime now) const;
  bool has_keys(WallTime now) const;
  // Whether a fetch should start now; `is_key_missing` when a token named a key that is not there.
  bool ShouldFetch(bool is_key_missing, WallTime now) const;
  void OnFetchStarted(WallTime now);
  void OnFetched(JwkSet keys, WallTime now);
  void OnFetchFailed();
  // How long what was found with the present keys may be remembered: as long as they are, and for a breath while newer
  // ones are asked for.
  WallTime TrustedUntil(WallTime now) const;
  bool is_fetching() const { return is_fetching_; }

 private:
  JwkSet keys_;
  JwkSet none_;
  std::optional<WallTime> fetched_at_;
  std::optional<WallTime> tried_at_;
  bool is_fetching_ = false;
};

}  // namespace byon::auth
