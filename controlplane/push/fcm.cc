#include "controlplane/push/fcm.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controlplane/json/strict_json.h"

namespace byon::push {
namespace {

using http_client::Response;
using nlohmann::json;
using std::chrono::seconds;

constexpr seconds kAssertionLife{3600};  // the longest that Google takes
constexpr seconds kTokenMargin{60};
constexpr size_t kMaxAnswerBytes = 64 * 1024;
constexpr char kScope[] = "https://www.googleapis.com/auth/firebase.messaging";

std::string TextOf(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

int64_t UnixSeconds(WallTime time) { return std::chrono::duration_cast<seconds>(time.time_since_epoch()).count(); }

// The errorCode of an FcmError among the details, e.g. "UNREGISTERED".
std::string ErrorCodeOf(const std::string& body) {
  const auto answer = byon::json::ParseStrict(body, {.max_bytes = kMaxAnswerBytes});
  if (!answer || !answer->is_object()) return "";
  const auto error = answer->find("error");
  if (error == answer->end() || !error->is_object()) return "";
  const auto details = error->find("details");
  if (details != error->end() && details->is_array()) {
    for (const json& detail : *details) {
      const std::string code = detail.is_object() ? TextOf(detail, "errorCode") : "";
      if (!code.empty()) return code;
    }
  }
  return TextOf(*error, "status");
}

Outcome Judge(const http_client::Result& result) {
  if (MayRetry(result)) return RetryOf(result);
  const auto* response = std::get_if<Response>(&result);
  if (response == nullptr) return {Verdict::kRefused, {}, WordsOf(result)};
  if (response->status == 200) return {Verdict::kAccepted, {}, WordsOf(result)};
  const bool is_gone = response->status == 404 || ErrorCodeOf(response->body) == "UNREGISTERED";
  return {is_gone ? Verdict::kGone : Verdict::kRefused, {}, WordsOf(result)};
}

}  // namespace

std::optional<ServiceAccount> ReadServiceAccount(std::string_view text) {
  const auto file = byon::json::ParseStrict(text);
  if (!file || !file->is_object()) return std::nullopt;
  auto key = auth::SigningKey::FromPem(TextOf(*file, "private_key"), auth::Algorithm::kRs256);
  if (!key) return std::nullopt;
  ServiceAccount account{TextOf(*file, "project_id"), TextOf(*file, "client_email"), TextOf(*file, "private_key_id"),
                         TextOf(*file, "token_uri"), std::move(*key)};
  const bool is_name =
      !account.project_id.empty() &&
      account.project_id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-:.") == std::string::npos;
  if (!is_name || account.client_email.empty() || !OriginOf(account.token_uri)) return std::nullopt;
  return account;
}

AccessTokens::AccessTokens(const ServiceAccount& account, ProviderLimits limits, http_client::HttpClient& http,
                           Clock now)
    : account_(account), limits_(std::move(limits)), http_(http), now_(std::move(now)) {}

void AccessTokens::Get(Callback done) {
  if (!token_.empty() && now_() < renew_at_) return done(token_);
  waiting_.push_back(std::move(done));
  if (waiting_.size() == 1) Fetch();
}

void AccessTokens::Forget(const std::string& token) {
  if (token == token_) token_.clear();
}

void AccessTokens::Fetch() {
  const WallTime now = now_();
  const json header{{"typ", "JWT"}, {"alg", "RS256"}, {"kid", account_.key_id}};
  const json claims{{"iss", account_.client_email},
                    {"scope", kScope},
                    {"aud", account_.token_uri},
                    {"iat", UnixSeconds(now)},
                    {"exp", UnixSeconds(now + kAssertionLife)}};
  http_client::Request request;
  request.method = "POST";
  request.url = account_.token_uri;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
  // Base64url needs no escapes.
  request.body = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" +
                 account_.key.MakeJws(header.dump(), claims.dump());
  request.timeout = limits_.timeout;
  request.max_response_bytes = kMaxAnswerBytes;
  request.ca_file = limits_.ca_file;
  http_.Send(std::move(request), [this, alive = std::weak_ptr<bool>(alive_)](const http_client::Result& result) {
    if (!alive.expired()) OnAnswer(result);
  });
}

void AccessTokens::OnAnswer(const http_client::Result& result) {
  const auto* response = std::get_if<Response>(&result);
  std::variant<std::string, Outcome> outcome =
      MayRetry(result) ? RetryOf(result) : Outcome{Verdict::kRefused, {}, WordsOf(result)};
  if (response != nullptr && response->status == 200) {
    const auto answer = byon::json::ParseStrict(response->body, {.max_bytes = kMaxAnswerBytes});
    const std::string token = answer && answer->is_object() ? TextOf(*answer, "access_token") : "";
    const auto life = answer && answer->is_object() ? answer->find("expires_in") : json::const_iterator();
    if (!token.empty()) {
      const bool has_life = life != answer->end() && life->is_number_integer();
      const seconds lasts(std::clamp<int64_t>(has_life ? life->get<int64_t>() : 0, 0, 86400));
      token_ = token;
      renew_at_ = now_() + std::max(lasts - kTokenMargin, seconds(0));
      outcome = token;
    }
  }
  if (auto* failed = std::get_if<Outcome>(&outcome)) failed->why = "no access token, " + failed->why;
  for (const Callback& done : std::exchange(waiting_, {})) done(outcome);
}

Fcm::Fcm(FcmConfig config, ServiceAccount account, http_client::HttpClient& http, Clock now)
    : config_(std::move(config)),
      account_(std::move(account)),
      http_(http),
      now_(now),
      tokens_(account_, config_.limits, http, std::move(now)) {}

void Fcm::Send(const Subscription& to, const Message& message, std::function<void(Outcome)> done) {
  const std::string ttl = std::to_string(SecondsUntil(message.expires_at, now_()).count()) + "s";
  // Data only: a notification would be shown by the system, and the app never woken.
  const json body{{"message",
                   {{"token", std::get_if<FcmSubscription>(&to)->token},
                    {"data", {{"byon", message.text}}},
                    {"android", {{"priority", "HIGH"}, {"ttl", ttl}, {"collapse_key", message.topic}}}}}};
  tokens_.Get([this, alive = std::weak_ptr<bool>(alive_), text = body.dump(),
               done = std::move(done)](const std::variant<std::string, Outcome>& token) {
    if (alive.expired()) return;
    if (const auto* failed = std::get_if<Outcome>(&token)) return done(*failed);
    SendWith(std::get<std::string>(token), text, true, done);
  });
}

void Fcm::SendWith(const std::string& token, const std::string& body, bool may_renew,
                   std::function<void(Outcome)> done) {
  http_client::Request request;
  request.method = "POST";
  request.url = config_.endpoint + "/v1/projects/" + account_.project_id + "/messages:send";
  request.headers = {{"Authorization", "Bearer " + token}, {"Content-Type", "application/json"}};
  request.body = body;
  request.timeout = config_.limits.timeout;
  request.max_response_bytes = kMaxAnswerBytes;
  request.ca_file = config_.limits.ca_file;
  request.may_use_http2 = true;
  http_.Send(std::move(request), [this, alive = std::weak_ptr<bool>(alive_), token, body, may_renew,
                                  done = std::move(done)](const http_client::Result& result) {
    if (alive.expired()) return;
    const auto* response = std::get_if<Response>(&result);
    if (response == nullptr || response->status != 401) return done(Judge(result));
    // Revoked before its time: once more with a fresh one.
    tokens_.Forget(token);
    if (!may_renew) return done(Judge(result));
    tokens_.Get([this, alive, body, done](const std::variant<std::string, Outcome>& fresh) {
      if (alive.expired()) return;
      if (const auto* failed = std::get_if<Outcome>(&fresh)) return done(*failed);
      SendWith(std::get<std::string>(fresh), body, false, done);
    });
  });
}

}  // namespace byon::push
