#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/auth/jwk_set.h"
#include "controlplane/auth/signature.h"
#include "controlplane/auth/verified_token.h"
#include "dataplane/base/result.h"

namespace byon::auth {

// A client that may come without an end user, as a server that speaks for many.
struct ServerClient {
  std::string client_id;
  std::string issuer;
  std::vector<std::string> number_ranges;  // numbers that it may speak for, as beginnings, "+": all; empty: none
};

// What this gateway asks of every access token.
struct TokenPolicy {
  std::vector<std::string>
      issuers;  // users of the first keep their plain subjects, those of others are told apart by their issuer
  std::vector<std::string> audiences;  // one of them must be named
  std::vector<Algorithm> algorithms{Algorithm::kEs256, Algorithm::kRs256, Algorithm::kPs256, Algorithm::kEdDsa};
  std::vector<std::string> types{"at+jwt"};  // allowed `typ`, compared without case and "application/"
  std::string number_claim = "phone_number";
  std::vector<std::string> number_ranges;  // the operator's numbers, like +3460; empty: any
  std::vector<ServerClient> server_clients;
  std::chrono::seconds leeway{30};
};

// A JWT taken apart, nothing of it proved yet.
struct UnverifiedJwt {
  Algorithm algorithm = Algorithm::kEs256;
  std::string type;
  std::optional<std::string> kid;
  std::string issuer;
  std::string claims;  // JSON
  std::string signing_input;
  std::string signature;
};

// Whether the text has the shape of a JWS in compact form; anything else can only be an opaque token.
bool LooksLikeJwt(std::string_view token);

// Takes a compact JWS apart and refuses what needs no key to be refused. Headers that point to keys (jku,
// x5u, jwk, x5c) are ignored: keys come from the issuer's set only (RFC 8725 sections 3.1, 3.5, 3.10).
[[nodiscard]] base::Result<UnverifiedJwt, TokenFailure> ParseJwt(const TokenPolicy& policy, std::string_view token);

// The verdict, given the keys of the token's issuer. kUnknownKey: fresher keys may help.
[[nodiscard]] base::Result<VerifiedToken, TokenFailure> VerifyJwt(const TokenPolicy& policy, const UnverifiedJwt& jwt,
                                                                  const JwkSet& keys, WallTime now);

// The verdict on an opaque token from the body of an introspection answer (RFC 7662 section 2.2).
[[nodiscard]] base::Result<VerifiedToken, TokenFailure> VerifyIntrospection(const TokenPolicy& policy,
                                                                            const std::string& issuer,
                                                                            std::string_view body, WallTime now);

}  // namespace byon::auth
