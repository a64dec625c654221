#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "controlplane/api/clock_and_timers.h"
#include "controlplane/api/rate_limiter.h"
#include "controlplane/auth/token_verifier.h"
#include "controlplane/http_client/http_client.h"

namespace byon::api {

struct IntrospectionConfig {
  std::string endpoint;  // empty: by discovery of the first issuer
  std::string client_id;
  std::string client_secret;
  std::chrono::seconds cache{60};
};

// Asks the identity provider about opaque tokens (RFC 7662). Anybody may send any text as a token, so this is bounded:
// a token is asked about once, few questions are under way at a time, and a network whose tokens turn out bad again and
// again may not ask for a while. Everything on one strand.
class Introspector {
 public:
  using Verdict = base::Result<auth::VerifiedToken, auth::TokenFailure>;
  using Done = std::function<void(const Verdict&)>;

  // Of the 16 connections that the client makes to a host: its keys always find one.
  static constexpr size_t kMaxUnderWay = 12;
  static constexpr size_t kMaxQuestions = 1000;
  // Bad tokens of one network (an IPv6 /64, or one IPv4 address), per second and at once.
  static constexpr double kBadTokensPerSecond = 20;
  static constexpr double kBadTokensAtOnce = 100;

  struct Ports {
    http_client::HttpClient& http;
    Clock now;
    std::string ca_file;
    // The endpoint's URL, empty when it cannot be found now.
    std::function<void(std::function<void(const std::string& url)>)> find_endpoint;
    std::function<void(std::string_view event, std::string detail)> observer;
  };
  Introspector(IntrospectionConfig config, auth::TokenPolicy policy, Ports ports);

  // `done` comes at once for a text that cannot be a token and for one that was refused in the last seconds, else when
  // the provider has answered or was not reached. `address`: whose token it is.
  void Ask(const std::string& token, const std::string& address, Done done);
  size_t questions() const { return questions_.size(); }

 private:
  struct Question {
    std::string token;
    std::string network;
    WallTime asked_at;
    std::vector<Done> waiting;
  };
  struct Refused {
    WallTime until;
    auth::TokenFailure failure{};
  };
  void SendNext();
  void Send(const std::string& hash, const std::string& endpoint);
  void Finish(const std::string& hash, const http_client::Result& result);
  void Conclude(const std::string& hash, const Verdict& verdict);
  void Refuse(const std::string& hash, auth::TokenFailure failure);
  void ForgetRefused();

  const IntrospectionConfig config_;
  const auth::TokenPolicy policy_;
  Ports ports_;
  // All by SHA-256 of the token, which itself is kept only until it is sent.
  std::unordered_map<std::string, Question> questions_;
  std::deque<std::string> queue_;  // of those that are not sent yet
  size_t under_way_ = 0;
  bool is_sending_ = false;
  std::unordered_map<std::string, Refused> refused_;
  std::deque<std::pair<WallTime, std::string>> refused_in_order_;
  RateLimiter bad_tokens_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace byon::api
