#include "controlplane/auth/token_verifier.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "controlplane/auth/base64url.h"
#include "controlplane/auth/number_ranges.h"
#include "controlplane/json/strict_json.h"

namespace byon::auth {
namespace {

using base::Result;
using nlohmann::json;

constexpr size_t kMaxTokenBytes = 16 * 1024;
constexpr size_t kMaxTextBytes = 1024;  // of one claim that is kept
constexpr byon::json::Limits kJsonLimits{.max_bytes = kMaxTokenBytes, .max_depth = 16, .max_values = 2000};

template <typename T>
bool Contains(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

std::string TypeName(std::string_view type) {
  std::string lower = Lower(type);
  if (lower.starts_with("application/")) lower.erase(0, 12);
  return lower;
}

// Absent or empty is nothing; another kind of value or too long is kBadClaim.
Result<std::optional<std::string>, TokenFailure> TextClaim(const json& claims, const std::string& name) {
  const auto it = claims.find(name);
  if (it == claims.end() || it->is_null()) return std::optional<std::string>();
  if (!it->is_string()) return TokenFailure::kBadClaim;
  std::string text = it->get<std::string>();
  if (text.size() > kMaxTextBytes) return TokenFailure::kBadClaim;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return TokenFailure::kBadClaim;
  }
  if (text.empty()) return std::optional<std::string>();
  return std::optional<std::string>(std::move(text));
}

// NumericDate (RFC 7519 section 2), bounded to the years that the clock can express.
Result<std::optional<WallTime>, TokenFailure> TimeClaim(const json& claims, const char* name) {
  const auto it = claims.find(name);
  if (it == claims.end()) return std::optional<WallTime>();
  if (!it->is_number()) return TokenFailure::kBadClaim;
  const double seconds = it->get<double>();
  if (!(seconds >= 0 && seconds < 9e9)) return TokenFailure::kBadClaim;
  return std::optional<WallTime>(WallTime(std::chrono::seconds(static_cast<int64_t>(seconds))));
}

bool NamesAudience(const TokenPolicy& policy, const json& audience) {
  if (audience.is_string()) return Contains(policy.audiences, audience.get<std::string>());
  if (!audience.is_array()) return false;
  bool is_named = false;
  for (const json& one : audience) {
    if (!one.is_string()) return false;
    is_named = is_named || Contains(policy.audiences, one.get<std::string>());
  }
  return is_named;
}

bool IsE164(std::string_view number) {
  if (number.size() < 6 || number.size() > 16 || number[0] != '+' || number[1] == '0') return false;
  return std::all_of(number.begin() + 1, number.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// `scope` as one text (RFC 9068 section 2.2.3), or as the list that some providers send.
std::optional<std::vector<std::string>> Scopes(const json& claims) {
  std::vector<std::string> scopes;
  const auto it = claims.find("scope");
  if (it == claims.end()) return scopes;
  if (it->is_array()) {
    for (const json& one : *it) {
      if (!one.is_string()) return std::nullopt;
      scopes.push_back(one.get<std::string>());
    }
    return scopes;
  }
  if (!it->is_string()) return std::nullopt;
  const std::string text = it->get<std::string>();
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) scopes.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return scopes;
}

// A token without an end user is a server's, and nobody's else: an identity provider that leaves `sub` out of its
// answers (RFC 7662 section 2.2), or lets people choose a client's name as theirs (RFC 9068 section 5), must not make
// servers of users.
std::optional<TokenFailure> ReadServer(const TokenPolicy& policy, const json& claims, VerifiedToken& token) {
  const auto server = std::find_if(
      policy.server_clients.begin(), policy.server_clients.end(),
      [&token](const ServerClient& one) { return one.client_id == token.client_id && one.issuer == token.issuer; });
  const auto number = TextClaim(claims, policy.number_claim);
  const bool names_user = !number || *number;
  if (server == policy.server_clients.end() || names_user) return TokenFailure::kNoUser;
  token.is_two_legged = true;
  token.number_ranges = server->number_ranges;
  return std::nullopt;
}

std::optional<TokenFailure> ReadIdentity(const TokenPolicy& policy, const json& claims, VerifiedToken& token) {
  auto client = TextClaim(claims, "client_id");
  if (!client) return client.error();
  if (!*client) {
    client = TextClaim(claims, "azp");
    if (!client) return client.error();
  }
  const auto subject = TextClaim(claims, "sub");
  if (!subject) return subject.error();
  if (!*client) return TokenFailure::kBadClaim;
  token.client_id = **client;
  if (token.client_id == kPasswordClient || token.client_id.starts_with(kVisitorClient)) return TokenFailure::kBadClaim;
  // RFC 9068 section 2.2: without an end user `sub` names the client itself.
  if (!*subject || **subject == token.client_id) return ReadServer(policy, claims, token);
  // A subject is unique within its issuer only (OpenID Connect Core section 2); no claim has a line feed.
  token.subject =
      policy.issuers.empty() || token.issuer == policy.issuers.front() ? **subject : token.issuer + '\n' + **subject;
  const auto number = TextClaim(claims, policy.number_claim);
  if (!number) return number.error();
  if (!*number) return std::nullopt;
  std::string text = **number;
  if (text.starts_with("tel:")) text.erase(0, 4);
  if (!IsE164(text)) return TokenFailure::kBadClaim;
  if (!IsInRanges(text, policy.number_ranges)) return TokenFailure::kForeignNumber;
  token.phone_number = std::move(text);
  return std::nullopt;
}

// Everything that a JWT and an introspection answer have in common.
Result<VerifiedToken, TokenFailure> ReadClaims(const TokenPolicy& policy, const std::string& issuer, const json& claims,
                                               WallTime now) {
  const auto expiry = TimeClaim(claims, "exp");
  const auto not_before = TimeClaim(claims, "nbf");
  const auto issued = TimeClaim(claims, "iat");
  if (!expiry || !not_before || !issued || !*expiry) return TokenFailure::kBadClaim;
  if (**expiry + policy.leeway <= now) return TokenFailure::kExpired;
  if (*not_before && **not_before > now + policy.leeway) return TokenFailure::kNotYetValid;
  if (*issued && **issued > now + policy.leeway) return TokenFailure::kNotYetValid;
  if (claims.contains("cnf")) return TokenFailure::kSenderConstrained;
  VerifiedToken token;
  token.issuer = issuer;
  token.expires_at = **expiry;
  if (const auto failure = ReadIdentity(policy, claims, token)) return *failure;
  auto scopes = Scopes(claims);
  if (!scopes) return TokenFailure::kBadClaim;
  token.scopes = std::move(*scopes);
  return token;
}

}  // namespace

bool VerifiedToken::HasScope(std::string_view scope) const {
  return std::find(scopes.begin(), scopes.end(), scope) != scopes.end();
}

std::string_view ToString(TokenFailure failure) {
  switch (failure) {
    case TokenFailure::kMalformed: return "malformed";
    case TokenFailure::kAlgorithmNotAllowed: return "algorithm_not_allowed";
    case TokenFailure::kTypeNotAllowed: return "type_not_allowed";
    case TokenFailure::kCriticalHeader: return "critical_header";
    case TokenFailure::kUnknownIssuer: return "unknown_issuer";
    case TokenFailure::kUnknownKey: return "unknown_key";
    case TokenFailure::kBadSignature: return "bad_signature";
    case TokenFailure::kWrongAudience: return "wrong_audience";
    case TokenFailure::kExpired: return "expired";
    case TokenFailure::kNotYetValid: return "not_yet_valid";
    case TokenFailure::kBadClaim: return "bad_claim";
    case TokenFailure::kSenderConstrained: return "sender_constrained";
    case TokenFailure::kForeignNumber: return "foreign_number";
    case TokenFailure::kNoUser: return "no_user";
    case TokenFailure::kInactive: return "inactive";
    case TokenFailure::kUnavailable: return "identity_provider_unavailable";
    case TokenFailure::kTooMany: return "too_many_bad_tokens";
  }
  return "";
}

bool LooksLikeJwt(std::string_view token) {
  return std::count(token.begin(), token.end(), '.') == 2 && token.starts_with("eyJ");
}

Result<UnverifiedJwt, TokenFailure> ParseJwt(const TokenPolicy& policy, std::string_view token) {
  if (token.size() > kMaxTokenBytes) return TokenFailure::kMalformed;
  const size_t first = token.find('.');
  const size_t second = first == token.npos ? token.npos : token.find('.', first + 1);
  if (second == token.npos || token.find('.', second + 1) != token.npos) return TokenFailure::kMalformed;
  const auto header_text = DecodeBase64Url(token.substr(0, first));
  auto claims_text = DecodeBase64Url(token.substr(first + 1, second - first - 1));
  auto signature = DecodeBase64Url(token.substr(second + 1));
  if (!header_text || !claims_text || !signature || signature->empty()) return TokenFailure::kMalformed;
  const auto header = byon::json::ParseStrict(*header_text, kJsonLimits);
  const auto claims = byon::json::ParseStrict(*claims_text, kJsonLimits);
  if (!header || !header->is_object() || !claims || !claims->is_object()) return TokenFailure::kMalformed;

  UnverifiedJwt jwt;
  const auto name = TextClaim(*header, "alg");
  const auto algorithm = name && *name ? ParseAlgorithm(**name) : std::nullopt;
  if (!algorithm || !Contains(policy.algorithms, *algorithm)) return TokenFailure::kAlgorithmNotAllowed;
  jwt.algorithm = *algorithm;
  if (header->contains("crit") || header->contains("b64")) return TokenFailure::kCriticalHeader;
  const auto type = TextClaim(*header, "typ");
  if (!type || !*type) return TokenFailure::kTypeNotAllowed;
  jwt.type = TypeName(**type);
  const bool is_type_allowed =
      std::any_of(policy.types.begin(), policy.types.end(),
                  [&jwt](const std::string& allowed) { return TypeName(allowed) == jwt.type; });
  if (!is_type_allowed) return TokenFailure::kTypeNotAllowed;
  if (header->contains("kid")) {
    const auto kid = TextClaim(*header, "kid");
    if (!kid || !*kid) return TokenFailure::kMalformed;
    jwt.kid = **kid;
  }
  const auto issuer = TextClaim(*claims, "iss");
  if (!issuer || !*issuer || !Contains(policy.issuers, **issuer)) return TokenFailure::kUnknownIssuer;
  jwt.issuer = **issuer;
  jwt.claims = std::move(*claims_text);
  jwt.signing_input = std::string(token.substr(0, second));
  jwt.signature = std::move(*signature);
  return jwt;
}

Result<VerifiedToken, TokenFailure> VerifyJwt(const TokenPolicy& policy, const UnverifiedJwt& jwt, const JwkSet& keys,
                                              WallTime now) {
  evp_pkey_st* key = keys.Find(jwt.algorithm, jwt.kid);
  if (key == nullptr) return TokenFailure::kUnknownKey;
  if (!VerifySignature(jwt.algorithm, key, jwt.signing_input, jwt.signature)) {
    return TokenFailure::kBadSignature;
  }
  const auto claims = byon::json::ParseStrict(jwt.claims, kJsonLimits);
  if (!claims) return TokenFailure::kMalformed;
  if (!claims->contains("aud") || !NamesAudience(policy, (*claims)["aud"])) {
    return TokenFailure::kWrongAudience;
  }
  return ReadClaims(policy, jwt.issuer, *claims, now);
}

Result<VerifiedToken, TokenFailure> VerifyIntrospection(const TokenPolicy& policy, const std::string& issuer,
                                                        std::string_view body, WallTime now) {
  const auto answer = byon::json::ParseStrict(body, {.max_bytes = 64 * 1024, .max_depth = 16});
  if (!answer || !answer->is_object()) return TokenFailure::kUnavailable;
  const auto active = answer->find("active");
  if (active == answer->end() || !active->is_boolean()) return TokenFailure::kUnavailable;
  if (!active->get<bool>()) return TokenFailure::kInactive;
  // A refresh token is active too; only an access token says bearer.
  const auto type = TextClaim(*answer, "token_type");
  if (!type || !*type || Lower(**type) != "bearer") return TokenFailure::kTypeNotAllowed;
  const auto said_issuer = TextClaim(*answer, "iss");
  if (!said_issuer || (*said_issuer && **said_issuer != issuer)) return TokenFailure::kUnknownIssuer;
  // The provider may leave `aud` out: it has checked by our own login that the token is meant for us.
  if (answer->contains("aud") && !NamesAudience(policy, (*answer)["aud"])) {
    return TokenFailure::kWrongAudience;
  }
  return ReadClaims(policy, issuer, *answer, now);
}

}  // namespace byon::auth
