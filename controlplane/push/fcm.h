#pragma once

#include <optional>
#include <variant>
#include <vector>

#include "controlplane/auth/signing_key.h"
#include "controlplane/push/provider.h"

namespace byon::push {

// What Google's file of a service account says, as far as pushes need it.
struct ServiceAccount {
  std::string project_id;
  std::string client_email;
  std::string key_id;
  std::string token_uri;  // where access tokens are had
  auth::SigningKey key;
};
// Nothing when the text is no such file or its key is none.
[[nodiscard]] std::optional<ServiceAccount> ReadServiceAccount(std::string_view text);

// Access tokens by a signed assertion of our own (RFC 7523), kept until shortly before their end.
class AccessTokens {
 public:
  using Callback = std::function<void(std::variant<std::string, Outcome>)>;
  AccessTokens(const ServiceAccount& account, ProviderLimits limits, http_client::HttpClient& http, Clock now);

  // A token that serves now; who asks while one is fetched waits for the same.
  void Get(Callback done);
  // The service no longer takes this one.
  void Forget(const std::string& token);

 private:
  void Fetch();
  void OnAnswer(const http_client::Result& result);

  const ServiceAccount& account_;
  const ProviderLimits limits_;
  http_client::HttpClient& http_;
  const Clock now_;
  std::string token_;
  WallTime renew_at_;
  std::vector<Callback> waiting_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

struct FcmConfig {
  ProviderLimits limits;
  std::string endpoint = "https://fcm.googleapis.com";
};

// Data messages over Firebase Cloud Messaging, HTTP v1.
class Fcm final : public Provider {
 public:
  Fcm(FcmConfig config, ServiceAccount account, http_client::HttpClient& http, Clock now);

  void Send(const Subscription& to, const Message& message, std::function<void(Outcome)> done) override;

 private:
  void SendWith(const std::string& token, const std::string& body, bool may_renew, std::function<void(Outcome)> done);

  const FcmConfig config_;
  const ServiceAccount account_;
  http_client::HttpClient& http_;
  const Clock now_;
  AccessTokens tokens_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace byon::push
