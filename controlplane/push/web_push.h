#pragma once

#include <map>
#include <vector>

#include "controlplane/auth/signing_key.h"
#include "controlplane/push/provider.h"

namespace byon::push {

struct WebPushConfig {
  ProviderLimits limits;
  std::string subject;  // mailto: or https: URL of the operator, for the push service (RFC 8292 section 2.1)
  std::vector<std::string> allowed_hosts;
  bool may_use_private_networks = false;
};

// Voluntary identification of an application server: who we are, signed anew for each push service (RFC 8292).
class Vapid {
 public:
  Vapid(auth::SigningKey key, std::string subject);
  // The Authorization header for a push service; one token serves 12 hours, of which the last is not used.
  const std::string& HeaderFor(const std::string& origin, WallTime now);
  // What a page gives to PushManager.subscribe: our public point in base64url.
  const std::string& public_key() const { return public_key_; }

 private:
  struct Token {
    std::string header;
    WallTime renew_at;
  };
  const auth::SigningKey key_;
  const std::string subject_;
  const std::string public_key_;
  std::map<std::string, Token> tokens_;
};

// Messages to browsers (RFC 8030, 8291, 8292).
class WebPush final : public Provider {
 public:
  WebPush(WebPushConfig config, auth::SigningKey key, http_client::HttpClient& http, Clock now);

  void Send(const Subscription& to, const Message& message, std::function<void(Outcome)> done) override;

 private:
  const WebPushConfig config_;
  Vapid vapid_;
  http_client::HttpClient& http_;
  const Clock now_;
};

}  // namespace byon::push
