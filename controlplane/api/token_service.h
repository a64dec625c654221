#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/api/clock_and_timers.h"
#include "controlplane/api/introspector.h"
#include "controlplane/auth/key_cache.h"
#include "controlplane/auth/token_verifier.h"
#include "controlplane/auth/verdict_cache.h"
#include "controlplane/http_client/http_client.h"
#include "controlplane/store/store.h"

namespace byon::api {

struct TokenServiceConfig {
  auth::TokenPolicy policy;
  std::map<std::string, std::string> jwks_uris;  // by issuer; absent: by discovery
  std::optional<IntrospectionConfig> introspection;
  std::string ca_file;
};

using TokenVerdict = base::Result<std::shared_ptr<const auth::VerifiedToken>, auth::TokenFailure>;

// Turns a bearer token into its verdict: keys are fetched when needed (discovery, JWKS), opaque tokens
// introspected, verdicts remembered. Everything on one strand.
class TokenService {
 public:
  using Done = std::function<void(TokenVerdict)>;

  // All outlive the service.
  TokenService(TokenServiceConfig config, http_client::HttpClient& http, Clock now, Timers& timers);
  ~TokenService();

  // Keys are kept in the store from here on, and those of an earlier process serve until newer ones are fetched: an
  // identity provider that is down while we restart locks nobody out. Before Start(); the store outlives the service.
  void KeepKeysIn(store::Store& store);
  // Fetches the keys before anybody asks, and again until it succeeds.
  void Start();
  // Every issuer's keys are there.
  bool is_ready() const;
  // `done` comes at once when the verdict is known, else after a fetch; never more than some seconds. `address`: of the
  // client that brings it.
  void Verify(const std::string& token, const std::string& address, Done done);
  // Who judges the tokens that the gateway itself has given to visitors (click to call); `now` is an argument.
  using VisitorVerdict = base::Result<auth::VerifiedToken, auth::TokenFailure>;
  void set_visitor_tokens(std::function<bool(const std::string& token)> is_one,
                          std::function<VisitorVerdict(const std::string& token, WallTime now)> verify) {
    is_visitor_token_ = std::move(is_one);
    verify_visitor_ = std::move(verify);
  }
  // Told of every refused token and failed fetch, for logs; texts without secrets.
  void set_observer(std::function<void(std::string_view event, std::string detail)> observer) {
    observer_ = std::move(observer);
  }

 private:
  struct Waiting {
    std::string token;
    auth::UnverifiedJwt jwt;
    Done done;
  };
  struct Issuer {
    std::string name;
    std::string jwks_uri;
    std::string introspection_endpoint;
    auth::KeyCache keys;
    std::string keys_digest;  // of the document that they came in
    std::vector<Waiting> waiting;
    std::shared_ptr<void> retry;
  };

  void VerifyJwt(const std::string& token, Done done);
  void VerifyVisitor(const std::string& token, const Done& done);
  void Introspect(const std::string& token, const std::string& address, Done done);
  void FindIntrospectionEndpoint(const std::function<void(const std::string& url)>& done);
  void Conclude(const std::string& token, base::Result<auth::VerifiedToken, auth::TokenFailure> verdict,
                std::optional<WallTime> until, const Done& done);
  void FetchKeys(Issuer& issuer);
  void Discover(Issuer& issuer, std::function<void(bool)> done);
  void OnKeys(Issuer& issuer, const http_client::Result& result);
  void TakeKeys(Issuer& issuer, auth::JwkSet keys, const std::string& document);
  void OnKeysSettled(Issuer& issuer, bool is_good);
  void Observe(std::string_view event, std::string detail);
  http_client::Request Get(const std::string& url) const;

  const TokenServiceConfig config_;
  http_client::HttpClient& http_;
  const Clock now_;
  Timers& timers_;
  store::Store* store_ = nullptr;
  std::map<std::string, std::unique_ptr<Issuer>> issuers_;
  auth::VerdictCache verdicts_;
  std::optional<Introspector> introspector_;
  std::function<void(std::string_view, std::string)> observer_;
  std::function<bool(const std::string&)> is_visitor_token_;
  std::function<VisitorVerdict(const std::string&, WallTime)> verify_visitor_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace byon::api
