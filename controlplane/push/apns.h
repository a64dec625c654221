#pragma once

#include "controlplane/auth/signing_key.h"
#include "controlplane/push/provider.h"

namespace byon::push {

struct ApnsConfig {
  ProviderLimits limits;
  std::string endpoint = "https://api.push.apple.com";
  std::string sandbox_endpoint = "https://api.sandbox.push.apple.com";
  std::string key_id;   // 10 characters, of the key
  std::string team_id;  // 10 characters, of the developer
  std::string bundle_id;
};

// VoIP pushes over Apple's service (HTTP/2, token authentication): an app that gets one must show the call at once.
class Apns final : public Provider {
 public:
  Apns(ApnsConfig config, auth::SigningKey key, http_client::HttpClient& http, Clock now);

  void Send(const Subscription& to, const Message& message, std::function<void(Outcome)> done) override;

 private:
  const std::string& Token();
  void OnAnswer(const http_client::Result& result, const std::function<void(Outcome)>& done);

  const ApnsConfig config_;
  const auth::SigningKey key_;
  http_client::HttpClient& http_;
  const Clock now_;
  std::string token_;
  WallTime made_at_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace byon::push
