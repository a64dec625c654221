#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "controlplane/api/rate_limiter.h"
#include "controlplane/auth/token_verifier.h"
#include "controlplane/web_sip/request_head.h"
#include "controlplane/web_sip/web_sip_config.h"

namespace byon::web_sip {

// The client id under which lines stand that signed in with a password.
inline constexpr std::string_view kDigestClient = auth::kPasswordClient;

// Who a connection belongs to.
struct Identity {
  gateway::Principal who;
  std::shared_ptr<const auth::VerifiedToken> token;  // null with digest: everything is allowed

  bool Has(std::string_view scope) const { return token == nullptr || token->HasScope(scope); }
};

// Proves who sends the requests of one connection: bearer token (RFC 8898) or digest (RFC 7616, RFC 8760).
class Authenticator {
 public:
  using Verdict = std::variant<Identity, Rejection>;
  using Done = std::function<void(Verdict)>;

  // `attempts` bounds the passwords tried from one address for one number; it is shared by all connections.
  Authenticator(const WebSipConfig& config, WebSipPorts& ports, api::RateLimiter& attempts, std::string remote_address)
      : config_(config), ports_(ports), attempts_(attempts), remote_address_(std::move(remote_address)) {}

  // `done` comes at once, or when the identity provider has answered; never after this object is gone.
  void Check(const SipMessage& request, Done done);
  // 401 with all schemes that we take.
  Rejection Challenge(Counter counter, bool is_stale = false, bool is_token_bad = false);

 private:
  struct Nonce {
    std::chrono::system_clock::time_point issued;
    uint32_t last_count = 0;
  };

  Verdict CheckDigest(const SipMessage& request, std::string_view header);
  Verdict CheckToken(api::TokenVerdict verdict);
  std::string NewNonce();

  const WebSipConfig& config_;
  WebSipPorts& ports_;
  api::RateLimiter& attempts_;
  const std::string remote_address_;
  std::map<std::string, Nonce> nonces_;  // of this connection: no other one can use them
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace byon::web_sip
