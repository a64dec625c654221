#include "controlplane/push/web_push.h"

#include <openssl/rand.h>

#include <nlohmann/json.hpp>

#include "controlplane/auth/base64url.h"
#include "dataplane/base/check.h"

namespace byon::push {
namespace {

constexpr std::chrono::hours kTokenLife{12};  // at most 24 h, RFC 8292 section 2
constexpr std::chrono::hours kTokenMargin{1};
constexpr size_t kMaxOrigins = 256;    // with all hosts allowed, a client could name ever new ones
constexpr size_t kPaddedBytes = 1024;  // so that the length tells nothing of the caller's name

std::string RandomBytes(size_t size) {
  std::string bytes(size, '\0');
  BYON_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) == 1,
             "random bytes can be had");
  return bytes;
}

// RFC 8030 section 5, 6.2, 7.3.
Outcome Judge(const http_client::Result& result) {
  if (MayRetry(result)) return RetryOf(result);
  const auto* response = std::get_if<http_client::Response>(&result);
  const int status = response == nullptr ? 0 : response->status;
  if (status >= 200 && status < 300) return {Verdict::kAccepted, {}, WordsOf(result)};
  if (status == 404 || status == 410) return {Verdict::kGone, {}, WordsOf(result)};
  return {Verdict::kRefused, {}, WordsOf(result)};
}

}  // namespace

Vapid::Vapid(auth::SigningKey key, std::string subject)
    : key_(std::move(key)), subject_(std::move(subject)), public_key_(auth::EncodeBase64Url(key_.PublicPoint())) {}

const std::string& Vapid::HeaderFor(const std::string& origin, WallTime now) {
  if (tokens_.size() > kMaxOrigins) tokens_.clear();
  Token& token = tokens_[origin];
  if (!token.header.empty() && now < token.renew_at) return token.header;
  const WallTime expires_at = now + kTokenLife;
  const nlohmann::json claims{
      {"aud", origin},
      {"exp", std::chrono::duration_cast<std::chrono::seconds>(expires_at.time_since_epoch()).count()},
      {"sub", subject_}};
  token.header = "vapid t=" + key_.MakeJws(R"({"typ":"JWT","alg":"ES256"})", claims.dump()) + ", k=" + public_key_;
  token.renew_at = expires_at - kTokenMargin;
  return token.header;
}

WebPush::WebPush(WebPushConfig config, auth::SigningKey key, http_client::HttpClient& http, Clock now)
    : config_(std::move(config)), vapid_(std::move(key), config_.subject), http_(http), now_(std::move(now)) {}

void WebPush::Send(const Subscription& to, const Message& message, std::function<void(Outcome)> done) {
  const auto* subscription = std::get_if<WebPushSubscription>(&to);
  const WallTime now = now_();
  if (subscription->expires_at && *subscription->expires_at <= now)
    return done({Verdict::kGone, {}, "its time is over"});
  const auto origin = OriginOf(subscription->endpoint);
  // The list may have been made shorter since the subscription came.
  if (!origin || !IsAllowedHost(subscription->endpoint, config_.allowed_hosts)) {
    return done({Verdict::kRefused, {}, "a push service that is not allowed"});
  }
  auto body =
      EncryptMessage(message.text, subscription->receiver, EphemeralKey::Generate(), RandomBytes(16), kPaddedBytes);
  if (!body) return done({Verdict::kRefused, {}, "the message is too long"});
  http_client::Request request;
  request.method = "POST";
  request.url = subscription->endpoint;
  request.headers = {{"Authorization", vapid_.HeaderFor(*origin, now)},
                     {"Content-Encoding", "aes128gcm"},
                     {"Content-Type", "application/octet-stream"},
                     {"TTL", std::to_string(SecondsUntil(message.expires_at, now).count())},
                     {"Urgency", "high"},
                     {"Topic", message.topic}};
  request.body = std::move(*body);
  request.timeout = config_.limits.timeout;
  request.max_response_bytes = 16 * 1024;
  request.may_use_private_addresses = config_.may_use_private_networks;
  request.ca_file = config_.limits.ca_file;
  http_.Send(std::move(request), [done = std::move(done)](const http_client::Result& result) { done(Judge(result)); });
}

}  // namespace byon::push
