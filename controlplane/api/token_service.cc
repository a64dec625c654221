#include "controlplane/api/token_service.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "controlplane/auth/sha256.h"
#include "controlplane/auth/unproved_claims.h"
#include "controlplane/json/strict_json.h"

namespace byon::api {
namespace {

using auth::TokenFailure;
using http_client::Response;

constexpr size_t kMaxWaiting = 5000;
constexpr std::chrono::seconds kRetryInterval{10};

std::string WhyFailed(const http_client::Result& result) {
  if (const auto* failure = std::get_if<http_client::Failure>(&result)) return ToString(*failure);
  return "status " + std::to_string(std::get<Response>(result).status);
}

// The body of a 200, or nothing.
const std::string* BodyOf(const http_client::Result& result) {
  const auto* response = std::get_if<Response>(&result);
  return response != nullptr && response->status == 200 ? &response->body : nullptr;
}

constexpr size_t kMaxShownClient = 64;

// Who came with a token that was refused, as far as anybody can tell: what it says of itself is not proved.
std::function<std::string()> RefusedTextOf(const std::string& token, bool is_visitor, const std::string& address) {
  return [token, is_visitor, address] {
    std::string text = (is_visitor ? " (visitor) from " : " from ") + address;
    const auto claims = auth::UnprovedClaims::Read(token);
    if (!claims) return text;
    const std::string& client = claims->Text(claims->Text("client_id").empty() ? "azp" : "client_id");
    if (!client.empty()) text += ", says it is of client " + client.substr(0, kMaxShownClient);
    return text;
  };
}

bool IsHttpUrl(const std::string& url) { return url.starts_with("https://") || url.starts_with("http://"); }

}  // namespace

TokenService::TokenService(TokenServiceConfig config, http_client::HttpClient& http, Clock now, Timers& timers)
    : config_(std::move(config)), http_(http), now_(std::move(now)), timers_(timers) {
  for (const std::string& name : config_.policy.issuers) {
    auto issuer = std::make_unique<Issuer>();
    issuer->name = name;
    if (const auto it = config_.jwks_uris.find(name); it != config_.jwks_uris.end()) issuer->jwks_uri = it->second;
    issuers_[name] = std::move(issuer);
  }
  if (!config_.introspection) return;
  introspector_.emplace(
      *config_.introspection, config_.policy,
      Introspector::Ports{
          http_, now_, config_.ca_file,
          [this](const std::function<void(const std::string&)>& done) { FindIntrospectionEndpoint(done); },
          [this](std::string_view event, std::string detail) { Observe(event, std::move(detail)); }});
}

TokenService::~TokenService() = default;

void TokenService::KeepKeysIn(store::Store& store) {
  store_ = &store;
  for (const store::Record& record : store.LoadAll(store::Kind::kIssuerKeys)) {
    const auto issuer = issuers_.find(record.key);
    auto keys = auth::JwkSet::Parse(record.value);
    if (issuer == issuers_.end() || !keys || keys->size() == 0 || !record.expires_at) {
      store.Delete(store::Kind::kIssuerKeys, record.key);
      continue;
    }
    // They are as old as they are: a restart makes none of them good for longer, nor does a clock that was set back.
    const WallTime fetched_at = std::min(now_(), *record.expires_at - auth::KeyCache::kMaxAgeWhenDown);
    issuer->second->keys.OnFetched(std::move(*keys), fetched_at);
    issuer->second->keys_digest = auth::Sha256Hex(record.value);
  }
}

void TokenService::Start() {
  for (auto& [name, issuer] : issuers_) FetchKeys(*issuer);
}

bool TokenService::is_ready() const {
  return std::all_of(issuers_.begin(), issuers_.end(),
                     [this](const auto& item) { return item.second->keys.has_keys(now_()); });
}

void TokenService::Verify(const std::string& token, const std::string& address, Done done) {
  const bool is_visitor = is_visitor_token_ && is_visitor_token_(token);
  if (auto known = is_visitor ? nullptr : verdicts_.Find(token, now_())) return done(TokenVerdict(std::move(known)));
  Done tell = [this, text = RefusedTextOf(token, is_visitor, address), done = std::move(done)](TokenVerdict verdict) {
    if (!verdict) Observe("token_refused", std::string(ToString(verdict.error())) + text());
    done(std::move(verdict));
  };
  if (is_visitor) return VerifyVisitor(token, tell);
  if (auth::LooksLikeJwt(token)) return VerifyJwt(token, std::move(tell));
  if (config_.introspection) return Introspect(token, address, std::move(tell));
  tell(TokenFailure::kMalformed);
}

// Not remembered: it costs one hash, and a token that was taken back must be so at once.
void TokenService::VerifyVisitor(const std::string& token, const Done& done) {
  auto verdict = verify_visitor_(token, now_());
  if (verdict) return done(std::make_shared<const auth::VerifiedToken>(std::move(verdict).value()));
  done(verdict.error());
}

void TokenService::VerifyJwt(const std::string& token, Done done) {
  auto jwt = auth::ParseJwt(config_.policy, token);
  if (!jwt) return done(jwt.error());
  Issuer& issuer = *issuers_.at(jwt->issuer);
  auto verdict = auth::VerifyJwt(config_.policy, *jwt, issuer.keys.keys(now_()), now_());
  const bool is_key_missing = !verdict && verdict.error() == TokenFailure::kUnknownKey;
  const bool should_fetch = issuer.keys.ShouldFetch(is_key_missing, now_());
  if (!is_key_missing) {
    if (should_fetch) FetchKeys(issuer);
    return Conclude(token, std::move(verdict), issuer.keys.TrustedUntil(now_()), done);
  }
  if ((!should_fetch && !issuer.keys.is_fetching()) || issuer.waiting.size() >= kMaxWaiting) {
    // Without any key the token may well be good: that is our failure, not the client's.
    const bool has_keys = issuer.keys.has_keys(now_());
    return Conclude(token, has_keys ? TokenFailure::kUnknownKey : TokenFailure::kUnavailable, std::nullopt, done);
  }
  issuer.waiting.push_back({token, std::move(jwt).value(), std::move(done)});
  if (should_fetch) FetchKeys(issuer);
}

void TokenService::Conclude(const std::string& token, base::Result<auth::VerifiedToken, TokenFailure> verdict,
                            std::optional<WallTime> until, const Done& done) {
  if (!verdict) return done(verdict.error());
  // Another issuer may use the same client ids and subjects: what is kept under them must not meet.
  if (verdict->issuer != config_.policy.issuers.front()) {
    verdict->client_id = verdict->issuer + "|" + verdict->client_id;
  }
  auto shared = std::make_shared<const auth::VerifiedToken>(std::move(verdict).value());
  verdicts_.Insert(token, shared, std::min(until.value_or(shared->expires_at), shared->expires_at), now_());
  done(TokenVerdict(std::move(shared)));
}

http_client::Request TokenService::Get(const std::string& url) const {
  http_client::Request request;
  request.url = url;
  request.headers = {{"Accept", "application/json"}};
  request.ca_file = config_.ca_file;
  return request;
}

void TokenService::FetchKeys(Issuer& issuer) {
  if (issuer.keys.is_fetching()) return;
  issuer.keys.OnFetchStarted(now_());
  const auto fetch = [this, &issuer](bool is_discovered) {
    if (!is_discovered) return OnKeysSettled(issuer, false);
    http_.Send(Get(issuer.jwks_uri),
               [this, &issuer, alive = std::weak_ptr<bool>(alive_)](const http_client::Result& result) {
                 if (!alive.expired()) OnKeys(issuer, result);
               });
  };
  if (issuer.jwks_uri.empty()) return Discover(issuer, fetch);
  fetch(true);
}

void TokenService::Discover(Issuer& issuer, std::function<void(bool)> done) {
  std::string base = issuer.name;
  while (base.ends_with('/')) base.pop_back();
  http_.Send(
      Get(base + "/.well-known/openid-configuration"),
      [this, &issuer, done = std::move(done), alive = std::weak_ptr<bool>(alive_)](const http_client::Result& result) {
        if (alive.expired()) return;
        const std::string* body = BodyOf(result);
        const auto document = body != nullptr ? json::ParseStrict(*body) : std::nullopt;
        const auto text = [&document](const char* name) -> std::string {
          if (!document || !document->is_object()) return "";
          const auto it = document->find(name);
          return it != document->end() && it->is_string() ? it->get<std::string>() : "";
        };
        // The document must be the issuer's own (OpenID Connect Discovery section 4.3).
        if (text("issuer") != issuer.name || !IsHttpUrl(text("jwks_uri"))) {
          Observe("discovery_failed",
                  issuer.name + ": " + (body != nullptr ? "not its own document" : WhyFailed(result)));
          return done(false);
        }
        issuer.jwks_uri = text("jwks_uri");
        issuer.introspection_endpoint = text("introspection_endpoint");
        done(true);
      });
}

void TokenService::OnKeys(Issuer& issuer, const http_client::Result& result) {
  const std::string* body = BodyOf(result);
  auto keys = body != nullptr ? auth::JwkSet::Parse(*body) : std::nullopt;
  if (!keys || keys->size() == 0) {
    Observe("keys_failed", issuer.name + ": " + (body != nullptr ? "no usable key" : WhyFailed(result)));
    // The place may have moved: look it up again unless it was configured.
    if (!config_.jwks_uris.contains(issuer.name)) issuer.jwks_uri.clear();
    // A set without a key takes back those that were there; no set says nothing of them.
    if (keys) TakeKeys(issuer, std::move(*keys), *body);
    return OnKeysSettled(issuer, false);
  }
  Observe("keys_fetched",
          issuer.name + ": " + std::to_string(keys->size()) + " keys, " + std::to_string(keys->skipped()) + " skipped");
  TakeKeys(issuer, std::move(*keys), *body);
  OnKeysSettled(issuer, true);
}

void TokenService::TakeKeys(Issuer& issuer, auth::JwkSet keys, const std::string& document) {
  const bool has_keys = keys.size() > 0;
  issuer.keys.OnFetched(std::move(keys), now_());
  // What a key proved that is here no more is proved no more.
  const std::string digest = auth::Sha256Hex(document);
  if (std::exchange(issuer.keys_digest, digest) != digest) verdicts_.ForgetIssuer(issuer.name);
  if (store_ == nullptr) return;
  if (has_keys)
    return store_->Put(store::Kind::kIssuerKeys, issuer.name, document, now_() + auth::KeyCache::kMaxAgeWhenDown);
  store_->Delete(store::Kind::kIssuerKeys, issuer.name);
}

void TokenService::OnKeysSettled(Issuer& issuer, bool is_good) {
  if (!is_good) {
    issuer.keys.OnFetchFailed();
    issuer.retry = timers_.After(kRetryInterval, [this, &issuer] {
      if (issuer.keys.ShouldFetch(false, now_())) FetchKeys(issuer);
    });
  }
  std::vector<Waiting> waiting;
  waiting.swap(issuer.waiting);
  const std::weak_ptr<bool> alive = alive_;
  for (Waiting& one : waiting) {
    if (alive.expired()) return;
    auto verdict = auth::VerifyJwt(config_.policy, one.jwt, issuer.keys.keys(now_()), now_());
    if (!verdict && verdict.error() == TokenFailure::kUnknownKey && !issuer.keys.has_keys(now_())) {
      verdict = TokenFailure::kUnavailable;
    }
    Conclude(one.token, std::move(verdict), issuer.keys.TrustedUntil(now_()), one.done);
  }
}

void TokenService::Introspect(const std::string& token, const std::string& address, Done done) {
  introspector_->Ask(token, address, [this, token, done = std::move(done)](const Introspector::Verdict& verdict) {
    Conclude(token, verdict, now_() + config_.introspection->cache, done);
  });
}

void TokenService::FindIntrospectionEndpoint(const std::function<void(const std::string& url)>& done) {
  Issuer& first = *issuers_.at(config_.policy.issuers.front());
  if (IsHttpUrl(first.introspection_endpoint)) return done(first.introspection_endpoint);
  Discover(first, [&first, done](bool is_good) {
    done(is_good && IsHttpUrl(first.introspection_endpoint) ? first.introspection_endpoint : "");
  });
}

void TokenService::Observe(std::string_view event, std::string detail) {
  if (observer_) observer_(event, std::move(detail));
}

}  // namespace byon::api
