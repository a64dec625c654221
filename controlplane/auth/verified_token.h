#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace byon::auth {

using WallTime = std::chrono::system_clock::time_point;

// Beginning of the names under which the gateway keeps visitors of click to call, and name for users of SIP passwords:
// of no token of an identity provider.
inline constexpr std::string_view kVisitorClient = "click-to-call:";
inline constexpr std::string_view kPasswordClient = "sip-digest";

// What a good access token says.
struct VerifiedToken {
  std::string issuer;
  std::string client_id;
  std::string subject;  // end user; behind its issuer and a line feed where that is not the first one; empty with a
                        // 2-legged token
  std::optional<std::string> phone_number;  // +E.164; never with a 2-legged token
  std::vector<std::string> scopes;
  WallTime expires_at;
  bool is_two_legged = false;  // no end user: client credentials
  std::vector<std::string>
      number_ranges{};        // of a 2-legged token: the numbers it may speak for, as beginnings; empty: none
  std::string campaign_id{};  // a visitor of click to call, whose token the gateway itself gave out

  bool HasScope(std::string_view scope) const;
};

// Why a token is not accepted. Clients learn only that it is not (401); logs and counters learn this.
enum class TokenFailure {
  kMalformed,
  kAlgorithmNotAllowed,
  kTypeNotAllowed,
  kCriticalHeader,  // `crit`: nothing is understood here (RFC 7515 section 4.1.11)
  kUnknownIssuer,
  kUnknownKey,
  kBadSignature,
  kWrongAudience,
  kExpired,
  kNotYetValid,
  kBadClaim,
  kSenderConstrained,  // `cnf`: bound to a key of which no proof came (RFC 9449, RFC 8705)
  kForeignNumber,      // its number is none of the operator's
  kNoUser,             // without an end user, of a client that is no server
  kInactive,           // introspection says no
  kUnavailable,        // the identity provider cannot be asked
  kTooMany,            // so many bad ones came from there lately that this one is not looked at
};
std::string_view ToString(TokenFailure failure);

}  // namespace byon::auth
