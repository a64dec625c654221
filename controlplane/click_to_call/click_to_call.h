#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "controlplane/auth/verified_token.h"
#include "controlplane/click_to_call/calling_pool.h"
#include "controlplane/click_to_call/campaign.h"
#include "controlplane/click_to_call/rate_window.h"
#include "controlplane/click_to_call/token_book.h"
#include "dataplane/base/result.h"

namespace byon::click_to_call {

using SteadyTime = std::chrono::steady_clock::time_point;

// Why a visitor may not call. Each is counted for its campaign.
enum class Refusal : uint8_t {
  kForeignOrigin,  // a page that is none of the campaign's
  kTokenSpent,     // all calls of the token are made
  kTokenTooOld,    // its time to begin a call is over
  kTokenBusy,      // its visitor is in a call already
  kAddressRate,    // calls a minute from one network address
  kCampaignRate,   // calls a minute
  kCampaignFull,   // calls at a time
  kPoolBusy,       // every number of the pool is in use
  kCount
};
std::string_view ToString(Refusal refusal);

struct Refused {
  Refusal cause{};
  std::chrono::seconds retry_after{1};
};

// A visitor who wants to call.
struct Attempt {
  std::string token_id;
  std::string origin;   // of the page; empty where the client has none
  std::string address;  // of the visitor's network, an IP literal
};
// What is going on at this moment, as the calls themselves tell.
struct LiveCalls {
  uint32_t of_campaign = 0;
  uint32_t of_token = 0;
  CallingPool::Use of_number;
};

// What a business asks for a visitor.
struct TokenRequest {
  std::string campaign_id;
  std::optional<uint32_t> calls;
  std::optional<std::chrono::seconds> lifetime;
  std::string originator_name;
};
struct IssuedToken {
  std::string text;
  TokenRecord record;
};
enum class TokenRefusal : uint8_t { kUnknownCampaign, kTooManyCalls, kTooLong, kTooManyTokens };

struct CampaignFigures {
  uint64_t tokens = 0;
  uint64_t calls_started = 0;
  std::array<uint64_t, static_cast<size_t>(Refusal::kCount)> refused{};
};

// Calls of visitors without a number of their own: whose token is good, who may call now, and in the name of which
// number. Sans-IO but for the store; on the gateway's strand.
class ClickToCall {
 public:
  // `own_origin`: of the gateway's own pages, from which every campaign may be called.
  ClickToCall(std::vector<Campaign> campaigns, std::string operator_id, std::string own_origin, store::Store& store);

  void Restore(WallTime now) { tokens_.Restore(now); }
  const std::vector<Campaign>& campaigns() const { return campaigns_; }
  const Campaign* Find(const std::string& campaign_id) const;
  const CampaignFigures& FiguresOf(const std::string& campaign_id) const;

  // For a client of the business; `id` and `secret` are new and random.
  [[nodiscard]] base::Result<IssuedToken, TokenRefusal> Issue(const std::string& client_id, const TokenRequest& request,
                                                              const std::string& id, const std::string& secret,
                                                              WallTime now);
  // False when there is no such token of the client's. A call that goes on is left alone.
  bool Revoke(const std::string& client_id, const std::string& token_id, WallTime now);
  // Who a visitor is: the token's id is its user, the campaign its client.
  [[nodiscard]] base::Result<auth::VerifiedToken, auth::TokenFailure> Verify(const std::string& token,
                                                                             WallTime now) const;
  const TokenRecord* TokenOf(const std::string& token_id, WallTime now) const {
    return tokens_.FindById(token_id, now);
  }

  // Which number the call shall go out with. Counts a refusal, and nothing else: see Begin.
  [[nodiscard]] std::variant<std::string, Refused> Admit(const Campaign& campaign, const Attempt& attempt,
                                                         const LiveCalls& live, SteadyTime steady, WallTime wall);
  // The call that was admitted has begun.
  void Begin(const Campaign& campaign, const Attempt& attempt, SteadyTime steady);

 private:
  std::optional<Refused> Check(const Campaign& campaign, const Attempt& attempt, const LiveCalls& live,
                               SteadyTime steady, WallTime wall) const;
  bool IsAllowedOrigin(const Campaign& campaign, const std::string& origin) const;

  const std::vector<Campaign> campaigns_;
  const std::string operator_id_;
  const std::string own_origin_;
  TokenBook tokens_;
  RateWindow by_campaign_;
  RateWindow by_address_;
  std::map<std::string, CallingPool> pools_;
  std::map<std::string, CampaignFigures> figures_;
};

}  // namespace byon::click_to_call
