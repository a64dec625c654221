#include "controlplane/push/apns.h"

#include <nlohmann/json.hpp>

#include "controlplane/json/strict_json.h"

namespace byon::push {
namespace {

using http_client::Response;
using nlohmann::json;
using std::chrono::minutes;

// Apple wants a token that is not older than an hour, and no new one within 20 minutes.
constexpr minutes kRenewAfter{40};
constexpr minutes kRenewNotBefore{20};
constexpr size_t kMaxAnswerBytes = 16 * 1024;

std::string ReasonOf(const Response& response) {
  const auto answer = byon::json::ParseStrict(response.body, {.max_bytes = kMaxAnswerBytes});
  if (!answer || !answer->is_object()) return "";
  const auto it = answer->find("reason");
  return it != answer->end() && it->is_string() ? it->get<std::string>() : "";
}

int64_t UnixSeconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

}  // namespace

Apns::Apns(ApnsConfig config, auth::SigningKey key, http_client::HttpClient& http, Clock now)
    : config_(std::move(config)), key_(std::move(key)), http_(http), now_(std::move(now)) {}

const std::string& Apns::Token() {
  const WallTime now = now_();
  if (!token_.empty() && now < made_at_ + kRenewAfter) return token_;
  const json header{{"alg", "ES256"}, {"kid", config_.key_id}};
  const json claims{{"iss", config_.team_id}, {"iat", UnixSeconds(now)}};
  token_ = key_.MakeJws(header.dump(), claims.dump());
  made_at_ = now;
  return token_;
}

void Apns::Send(const Subscription& to, const Message& message, std::function<void(Outcome)> done) {
  const auto* subscription = std::get_if<ApnsSubscription>(&to);
  http_client::Request request;
  request.method = "POST";
  request.url =
      (subscription->is_sandbox ? config_.sandbox_endpoint : config_.endpoint) + "/3/device/" + subscription->token;
  request.headers = {{"authorization", "bearer " + Token()},
                     {"apns-push-type", "voip"},
                     {"apns-topic", config_.bundle_id + ".voip"},
                     {"apns-priority", "10"},
                     {"apns-expiration", std::to_string(UnixSeconds(message.expires_at))},
                     {"apns-collapse-id", message.topic},
                     {"content-type", "application/json"}};
  request.body = R"({"aps":{},"byon":)" + message.text + "}";
  request.timeout = config_.limits.timeout;
  request.max_response_bytes = kMaxAnswerBytes;
  request.ca_file = config_.limits.ca_file;
  request.may_use_http2 = true;
  http_.Send(std::move(request),
             [this, alive = std::weak_ptr<bool>(alive_), done = std::move(done)](const http_client::Result& result) {
               if (!alive.expired()) OnAnswer(result, done);
             });
}

void Apns::OnAnswer(const http_client::Result& result, const std::function<void(Outcome)>& done) {
  if (MayRetry(result)) return done(RetryOf(result));
  const auto* response = std::get_if<Response>(&result);
  if (response == nullptr) return done({Verdict::kRefused, {}, WordsOf(result)});
  if (response->status == 200) return done({Verdict::kAccepted, {}, WordsOf(result)});
  const std::string reason = ReasonOf(*response);
  const bool is_dead = response->status == 410 || reason == "Unregistered" || reason == "BadDeviceToken";
  if (is_dead) return done({Verdict::kGone, {}, WordsOf(result)});
  // Their clock may be ahead of ours: a fresh token, unless the present one is fresh itself.
  if (reason == "ExpiredProviderToken" && now_() >= made_at_ + kRenewNotBefore) {
    token_.clear();
    return done({Verdict::kRetry, {}, WordsOf(result)});
  }
  done({Verdict::kRefused, {}, WordsOf(result)});
}

}  // namespace byon::push
