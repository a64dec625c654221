#include "controlplane/api/introspector.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "controlplane/auth/address_ranges.h"
#include "controlplane/auth/sha256.h"
#include "controlplane/json/strict_json.h"

namespace byon::api {
namespace {

using auth::TokenFailure;
using http_client::Response;

constexpr size_t kMaxRefused = 20'000;
constexpr size_t kMaxOpaqueBytes = 4096;
constexpr size_t kMaxWaitingForOne = 100;
constexpr std::chrono::seconds kRefusedTime{10};
constexpr std::chrono::seconds kLongestWait{5};  // in the queue; the request itself has as long again

std::string FormEncode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool is_plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '_';
    if (is_plain) {
      encoded += c;
    } else {
      char escape[4];
      std::snprintf(escape, sizeof escape, "%%%02X", static_cast<unsigned char>(c));
      encoded += escape;
    }
  }
  return encoded;
}

std::string Base64(std::string_view bytes) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<uint8_t>(bytes[i + j]) : 0U);
    }
    for (size_t j = 0; j < 4; ++j) {
      text += i + j > bytes.size() ? '=' : kAlphabet[group >> (18 - 6 * j) & 0x3f];
    }
  }
  return text;
}

// RFC 7662 section 2.2 has a bad token answered with 200; providers that cannot even read it say 400 all the same. That
// is the token's fault, unless it is our own login that they refuse (RFC 6749 section 5.2).
bool RefusesToken(const Response& response) {
  if (response.status != 400) return false;
  const auto body = json::ParseStrict(response.body);
  if (!body || !body->is_object()) return false;
  const auto error = body->find("error");
  if (error == body->end() || !error->is_string()) return false;
  return *error == "invalid_request" || *error == "invalid_token";
}

bool IsToken(const std::string& text) {
  const auto is_token_char = [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\'; };
  return !text.empty() && text.size() <= kMaxOpaqueBytes && std::all_of(text.begin(), text.end(), is_token_char);
}

}  // namespace

Introspector::Introspector(IntrospectionConfig config, auth::TokenPolicy policy, Ports ports)
    : config_(std::move(config)),
      policy_(std::move(policy)),
      ports_(std::move(ports)),
      bad_tokens_(kBadTokensPerSecond, 100'000, kBadTokensAtOnce) {}

void Introspector::Ask(const std::string& token, const std::string& address, Done done) {
  if (!IsToken(token)) return done(TokenFailure::kMalformed);
  ForgetRefused();
  const std::string hash = auth::Sha256Hex(token);
  if (const auto it = refused_.find(hash); it != refused_.end()) return done(it->second.failure);
  if (const auto it = questions_.find(hash); it != questions_.end()) {
    if (it->second.waiting.size() >= kMaxWaitingForOne) return done(TokenFailure::kUnavailable);
    it->second.waiting.push_back(std::move(done));
    return;
  }
  if (questions_.size() >= kMaxQuestions) return done(TokenFailure::kUnavailable);
  const std::string network = auth::NetworkOf(address);
  // Taken for each unknown token, and given back for the good ones.
  if (!bad_tokens_.Take(network, ports_.now())) return done(TokenFailure::kTooMany);
  Question& question = questions_[hash];
  question.token = token;
  question.network = network;
  question.asked_at = ports_.now();
  question.waiting.push_back(std::move(done));
  queue_.push_back(hash);
  SendNext();
}

void Introspector::SendNext() {
  // What is concluded in the loop comes back here.
  if (std::exchange(is_sending_, true)) return;
  while (under_way_ < kMaxUnderWay && !queue_.empty()) {
    const std::string hash = std::move(queue_.front());
    queue_.pop_front();
    ++under_way_;
    if (ports_.now() - questions_.at(hash).asked_at > kLongestWait) {
      Finish(hash, http_client::Failure::kTimeout);
    } else if (!config_.endpoint.empty()) {
      Send(hash, config_.endpoint);
    } else {
      ports_.find_endpoint([this, hash](const std::string& url) {
        url.empty() ? Finish(hash, http_client::Failure::kUnreachable) : Send(hash, url);
      });
    }
  }
  is_sending_ = false;
}

void Introspector::Send(const std::string& hash, const std::string& endpoint) {
  http_client::Request request;
  request.method = "POST";
  request.url = endpoint;
  request.ca_file = ports_.ca_file;
  request.headers = {
      {"Accept", "application/json"},
      {"Content-Type", "application/x-www-form-urlencoded"},
      // RFC 6749 section 2.3.1: each part form-encoded, then Basic.
      {"Authorization", "Basic " + Base64(FormEncode(config_.client_id) + ":" + FormEncode(config_.client_secret))}};
  request.body = "token=" + FormEncode(std::exchange(questions_.at(hash).token, "")) + "&token_type_hint=access_token";
  ports_.http.Send(std::move(request),
                   [this, hash, alive = std::weak_ptr<bool>(alive_)](const http_client::Result& result) {
                     if (!alive.expired()) Finish(hash, result);
                   });
}

void Introspector::Finish(const std::string& hash, const http_client::Result& result) {
  --under_way_;
  const auto* response = std::get_if<Response>(&result);
  if (response != nullptr && response->status == 200) {
    return Conclude(hash, auth::VerifyIntrospection(policy_, policy_.issuers.front(), response->body, ports_.now()));
  }
  if (response != nullptr && RefusesToken(*response)) return Conclude(hash, TokenFailure::kMalformed);
  ports_.observer("introspection_failed", response != nullptr ? "status " + std::to_string(response->status)
                                                              : ToString(std::get<http_client::Failure>(result)));
  Conclude(hash, TokenFailure::kUnavailable);
}

void Introspector::Conclude(const std::string& hash, const Verdict& verdict) {
  const auto question = questions_.extract(hash);
  const bool is_bad = !verdict && verdict.error() != TokenFailure::kUnavailable;
  if (is_bad) {
    Refuse(hash, verdict.error());
  } else {
    bad_tokens_.GiveBack(question.mapped().network);
  }
  for (const Done& done : question.mapped().waiting) done(verdict);
  SendNext();
}

void Introspector::Refuse(const std::string& hash, TokenFailure failure) {
  if (refused_.size() >= kMaxRefused) {
    refused_.erase(refused_in_order_.front().second);
    refused_in_order_.pop_front();
  }
  const WallTime until = ports_.now() + kRefusedTime;
  refused_[hash] = {until, failure};
  refused_in_order_.emplace_back(until, hash);
}

void Introspector::ForgetRefused() {
  // A clock that was set back keeps nobody out for longer than the time itself.
  const WallTime now = ports_.now();
  while (!refused_in_order_.empty() &&
         (refused_in_order_.front().first <= now || refused_in_order_.front().first > now + kRefusedTime)) {
    refused_.erase(refused_in_order_.front().second);
    refused_in_order_.pop_front();
  }
}

}  // namespace byon::api
