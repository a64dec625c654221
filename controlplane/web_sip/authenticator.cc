#include "controlplane/web_sip/authenticator.h"

#include <algorithm>

#include "controlplane/api/channel/channel_connection.h"
#include "controlplane/auth/address_ranges.h"
#include "controlplane/auth/digest_credentials.h"

namespace byon::web_sip {
namespace {

constexpr std::chrono::minutes kNonceLife{5};
constexpr size_t kMaxNonces = 8;
constexpr size_t kMaxTokenBytes = 16 * 1024;
// What a softphone needs of the API's scopes, so that a client knows what to ask the authorization server for.
constexpr char kScopes[] =
    "webrtc-registration:sessions:create webrtc-registration:sessions:delete "
    "webrtc-call-handling:sessions:create webrtc-call-handling:sessions:write";

// b64token of RFC 6750 section 2.1, wide enough for every token in use.
std::optional<std::string> BearerToken(std::string_view header) {
  const size_t space = header.find(' ');
  if (space == header.npos || !sip::EqualsIgnoringCase(header.substr(0, space), "Bearer")) return std::nullopt;
  std::string_view token = header.substr(std::min(header.find_first_not_of(' ', space), header.size()));
  if (token.empty() || token.size() > kMaxTokenBytes || token.find_first_of(" \t,\"") != token.npos)
    return std::nullopt;
  return std::string(token);
}

// The number in a digest user name: "+34600000001" or "+34600000001@domain".
std::string NumberOf(const std::string& username) { return username.substr(0, username.find('@')); }

}  // namespace

void Authenticator::Check(const SipMessage& request, Done done) {
  const std::vector<std::string> headers = request.All("Authorization");
  if (headers.empty()) return done(Challenge(Counter::kChallenged));
  for (const std::string& header : headers) {
    if (const auto token = BearerToken(header)) {
      return ports_.tokens.Verify(
          *token, remote_address_,
          [this, done = std::move(done), alive = std::weak_ptr<bool>(alive_)](api::TokenVerdict verdict) {
            if (!alive.expired()) done(CheckToken(std::move(verdict)));
          });
    }
  }
  for (const std::string& header : headers) {
    if (config_.digest_algorithms.empty() || !sip::EqualsIgnoringCase(header.substr(0, 7), "Digest ")) continue;
    return done(CheckDigest(request, header));
  }
  done(Challenge(Counter::kBadCredentials, false, true));
}

Authenticator::Verdict Authenticator::CheckToken(api::TokenVerdict verdict) {
  if (!verdict && verdict.error() == auth::TokenFailure::kUnavailable) {
    return Rejection{503, Counter::kBadCredentials, {{"Retry-After", "5"}}};
  }
  if (!verdict && verdict.error() == auth::TokenFailure::kTooMany) {
    return Rejection{503, Counter::kRateLimited, {{"Retry-After", "5"}}};
  }
  if (!verdict && verdict.error() == auth::TokenFailure::kForeignNumber) return Rejection{403, Counter::kForbidden, {}};
  if (!verdict) return Challenge(Counter::kBadCredentials, false, true);
  Identity identity;
  identity.token = std::move(verdict).value();
  identity.who = api::PrincipalOf(*identity.token);
  // A softphone is a person's: a token without end user and number registers nobody here.
  if (identity.who.is_two_legged || !identity.who.phone_number) return Rejection{403, Counter::kForbidden, {}};
  return identity;
}

Authenticator::Verdict Authenticator::CheckDigest(const SipMessage& request, std::string_view header) {
  const auto credentials = auth::ParseDigestCredentials(header);
  if (!credentials || credentials->realm != config_.domain || credentials->uri != request.uri()) {
    return Challenge(Counter::kBadCredentials);
  }
  const auto& offered = config_.digest_algorithms;
  const bool is_offered = std::find(offered.begin(), offered.end(), credentials->algorithm) != offered.end();
  if (!is_offered) return Challenge(Counter::kBadCredentials);
  const auto nonce = nonces_.find(credentials->nonce);
  if (nonce == nonces_.end() || ports_.now() - nonce->second.issued > kNonceLife) {
    return Challenge(Counter::kBadCredentials, true);
  }
  // A count that was used already is a replay (RFC 7616 section 3.4.5).
  if (credentials->nonce_count <= nonce->second.last_count) return Challenge(Counter::kBadCredentials, true);
  const std::string number = NumberOf(credentials->username);
  if (!attempts_.Take(number + '\n' + auth::NetworkOf(remote_address_), ports_.now())) {
    return Rejection{503, Counter::kRateLimited, {{"Retry-After", "2"}}};
  }
  const auto password = ports_.passwords.WebPassword(number);
  // An unknown number takes as long as a known one.
  const bool is_right = auth::IsDigestResponseRight(*credentials, request.method(), password.value_or("\n"));
  if (!password || !is_right) return Challenge(Counter::kBadCredentials);
  nonce->second.last_count = credentials->nonce_count;
  Identity identity;
  identity.who.client_id = kDigestClient;
  identity.who.subject = number;
  identity.who.phone_number = number;
  // Holds until the next REGISTER: the registration's own expiry ends it.
  identity.who.token_expires_at = ports_.now() + std::chrono::hours(25);
  return identity;
}

Rejection Authenticator::Challenge(Counter counter, bool is_stale, bool is_token_bad) {
  Rejection rejection{401, counter, {}};
  std::string bearer = "Bearer authz_server=" + sip::Quote(config_.authz_server) + ", scope=" + sip::Quote(kScopes);
  if (is_token_bad) bearer += ", error=\"invalid_token\"";
  rejection.headers.emplace_back("WWW-Authenticate", bearer);
  if (config_.digest_algorithms.empty()) return rejection;
  const std::string nonce = NewNonce();
  for (const auth::DigestAlgorithm algorithm : config_.digest_algorithms) {
    const char* name = algorithm == auth::DigestAlgorithm::kSha256 ? "SHA-256" : "MD5";
    rejection.headers.emplace_back("WWW-Authenticate", "Digest realm=" + sip::Quote(config_.domain) + ", nonce=\"" +
                                                           nonce + "\", algorithm=" + name + ", qop=\"auth\"" +
                                                           (is_stale ? ", stale=true" : ""));
  }
  return rejection;
}

std::string Authenticator::NewNonce() {
  if (nonces_.size() == kMaxNonces) {
    nonces_.erase(std::min_element(nonces_.begin(), nonces_.end(),
                                   [](const auto& a, const auto& b) { return a.second.issued < b.second.issued; }));
  }
  std::string nonce = ports_.new_id();
  nonces_[nonce].issued = ports_.now();
  return nonce;
}

}  // namespace byon::web_sip
