#include "controlplane/push/subscription.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controlplane/auth/base64url.h"

namespace byon::push {
namespace {

using nlohmann::json;

constexpr size_t kMaxEndpointBytes = 2048;
constexpr size_t kMaxFcmTokenBytes = 4096;
constexpr size_t kMinApnsTokenDigits = 64;  // 32 bytes today; Apple keeps the right to longer ones
constexpr size_t kMaxApnsTokenDigits = 200;
constexpr double kMaxTimeMs = 4e12;  // year 2096

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameCharacter(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
}
std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

// The first mistake found, and the members that a type has.
class Reader {
 public:
  explicit Reader(const json& body, std::string path = "") : body_(body), path_(std::move(path)) {}

  std::string Text(const char* name, std::string& mistake) const {
    const auto it = body_.find(name);
    if (it == body_.end()) return Fail(mistake, name, "is missing.");
    if (!it->is_string()) return Fail(mistake, name, "must be a text.");
    return it->get<std::string>();
  }
  std::string Bytes(const char* name, size_t size, std::string& mistake) const {
    const auto bytes = auth::DecodeBase64Url(Text(name, mistake));
    if (!bytes || bytes->size() != size) {
      return Fail(mistake, name, "must be " + std::to_string(size) + " bytes in base64url without padding.");
    }
    return *bytes;
  }
  void Only(std::initializer_list<std::string_view> names, std::string& mistake) const {
    for (const auto& [name, value] : body_.items()) {
      if (std::find(names.begin(), names.end(), name) == names.end())
        Fail(mistake, "", "There is a member that this type does not have.");
    }
  }
  std::string Fail(std::string& mistake, const std::string& name, const std::string& what) const {
    if (mistake.empty()) mistake = name.empty() ? what : path_ + name + " " + what;
    return "";
  }

 private:
  const json& body_;
  const std::string path_;
};

WebPushSubscription ReadWebPush(const json& body, std::string& mistake) {
  const Reader reader(body);
  WebPushSubscription found;
  found.endpoint = reader.Text("endpoint", mistake);
  if (found.endpoint.size() > kMaxEndpointBytes || !OriginOf(found.endpoint)) {
    reader.Fail(mistake, "endpoint", "must be an https URL of at most 2048 characters.");
  }
  const auto keys = body.find("keys");
  if (keys == body.end() || !keys->is_object()) {
    reader.Fail(mistake, "keys", "must be an object with p256dh and auth.");
  } else {
    const Reader of_keys(*keys, "keys.");
    found.receiver.p256dh = of_keys.Bytes("p256dh", kP256PointBytes, mistake);
    found.receiver.auth = of_keys.Bytes("auth", kAuthSecretBytes, mistake);
    of_keys.Only({"p256dh", "auth"}, mistake);
    if (mistake.empty() && !IsP256Point(found.receiver.p256dh))
      of_keys.Fail(mistake, "p256dh", "must be a point of P-256.");
  }
  const auto expiry = body.find("expirationTime");
  if (expiry != body.end() && !expiry->is_null()) {
    const double ms = expiry->is_number() ? expiry->get<double>() : -1;
    if (ms < 0 || ms > kMaxTimeMs) {
      reader.Fail(mistake, "expirationTime", "must be null or milliseconds since 1970.");
    } else {
      found.expires_at = WallTime(std::chrono::milliseconds(static_cast<int64_t>(ms)));
    }
  }
  reader.Only({"type", "endpoint", "keys", "expirationTime"}, mistake);
  return found;
}

FcmSubscription ReadFcm(const json& body, std::string& mistake) {
  const Reader reader(body);
  FcmSubscription found{reader.Text("token", mistake)};
  const bool is_good =
      !found.token.empty() && found.token.size() <= kMaxFcmTokenBytes &&
      std::all_of(found.token.begin(), found.token.end(), [](char c) { return IsNameCharacter(c) || c == ':'; });
  if (!is_good)
    reader.Fail(mistake, "token", "must be 1 to 4096 letters, digits, dots, colons, dashes and underscores.");
  reader.Only({"type", "token"}, mistake);
  return found;
}

ApnsSubscription ReadApns(const json& body, std::string& mistake) {
  const Reader reader(body);
  ApnsSubscription found{LowerCase(reader.Text("token", mistake))};
  const auto is_hex = [](char c) { return IsDigit(c) || (c >= 'a' && c <= 'f'); };
  const bool is_good = found.token.size() >= kMinApnsTokenDigits && found.token.size() <= kMaxApnsTokenDigits &&
                       found.token.size() % 2 == 0 && std::all_of(found.token.begin(), found.token.end(), is_hex);
  if (!is_good) reader.Fail(mistake, "token", "must be 64 to 200 hexadecimal digits.");
  if (body.contains("environment")) {
    const std::string environment = reader.Text("environment", mistake);
    found.is_sandbox = environment == "sandbox";
    if (!found.is_sandbox && environment != "production")
      reader.Fail(mistake, "environment", "must be production or sandbox.");
  }
  reader.Only({"type", "token", "environment"}, mistake);
  return found;
}

// Host of an https URL, as OriginOf has checked it.
std::string HostOf(std::string_view origin) {
  origin.remove_prefix(std::string_view("https://").size());
  if (origin.starts_with('[')) return LowerCase(origin.substr(0, origin.find(']') + 1));
  return LowerCase(origin.substr(0, origin.find(':')));
}

}  // namespace

std::string_view TypeOf(const Subscription& subscription) {
  constexpr std::string_view kNames[] = {"web-push", "fcm", "apns"};
  return kNames[subscription.index()];
}

std::variant<Subscription, SubscriptionMistake> ReadSubscription(const json& body) {
  std::string mistake;
  if (!body.is_object()) return SubscriptionMistake{"The subscription must be an object."};
  const std::string type = Reader(body).Text("type", mistake);
  Subscription found;
  if (type == "web-push") {
    found = ReadWebPush(body, mistake);
  } else if (type == "fcm") {
    found = ReadFcm(body, mistake);
  } else if (type == "apns") {
    found = ReadApns(body, mistake);
  } else if (mistake.empty()) {
    mistake = "type must be web-push, fcm or apns.";
  }
  if (!mistake.empty()) return SubscriptionMistake{mistake};
  return found;
}

std::optional<Subscription> ParseSubscription(std::string_view text) {
  auto read = ReadSubscription(json::parse(text, nullptr, false));
  if (auto* found = std::get_if<Subscription>(&read)) return std::move(*found);
  return std::nullopt;
}

std::string ToText(const Subscription& subscription) {
  json body{{"type", TypeOf(subscription)}};
  if (const auto* web = std::get_if<WebPushSubscription>(&subscription)) {
    body["endpoint"] = web->endpoint;
    body["keys"]["p256dh"] = auth::EncodeBase64Url(web->receiver.p256dh);
    body["keys"]["auth"] = auth::EncodeBase64Url(web->receiver.auth);
    if (web->expires_at) {
      body["expirationTime"] =
          std::chrono::duration_cast<std::chrono::milliseconds>(web->expires_at->time_since_epoch()).count();
    }
  } else if (const auto* fcm = std::get_if<FcmSubscription>(&subscription)) {
    body["token"] = fcm->token;
  } else {
    const auto& apns = std::get<ApnsSubscription>(subscription);
    body["token"] = apns.token;
    body["environment"] = apns.is_sandbox ? "sandbox" : "production";
  }
  return body.dump();
}

std::optional<std::string> OriginOf(std::string_view url) {
  constexpr std::string_view kScheme = "https://";
  if (!url.starts_with(kScheme)) return std::nullopt;
  const bool is_plain = std::all_of(url.begin(), url.end(), [](char c) {
    return c > 0x20 && c < 0x7f && std::string_view("\"#<>\\^`{|}").find(c) == std::string_view::npos;
  });
  if (!is_plain) return std::nullopt;
  const std::string_view authority =
      url.substr(kScheme.size(), url.find_first_of("/?", kScheme.size()) - kScheme.size());
  std::string_view port;
  std::string_view host = authority;
  if (host.starts_with('[')) {
    const size_t close = host.find(']');
    if (close == host.npos) return std::nullopt;
    const std::string_view inside = host.substr(1, close - 1);
    const bool is_v6 = !inside.empty() && inside.find_first_not_of("0123456789abcdefABCDEF:.") == inside.npos;
    port = host.substr(close + 1);
    host = host.substr(0, close + 1);
    if (!is_v6 || (!port.empty() && port.front() != ':')) return std::nullopt;
  } else {
    const size_t colon = host.find(':');
    port = colon == host.npos ? std::string_view() : host.substr(colon);
    host = host.substr(0, colon);
    if (host.empty() || host.size() > 253 || !std::all_of(host.begin(), host.end(), IsNameCharacter))
      return std::nullopt;
  }
  if (!port.empty()) {
    const std::string_view digits = port.substr(1);
    if (digits.empty() || digits.size() > 5 || !std::all_of(digits.begin(), digits.end(), IsDigit)) return std::nullopt;
  }
  // The usual port is not written (RFC 6454 section 6.2).
  return std::string(kScheme) + LowerCase(host) + std::string(port == ":443" ? "" : port);
}

bool IsAllowedHost(std::string_view url, const std::vector<std::string>& allowed) {
  const auto origin = OriginOf(url);
  if (!origin) return false;
  const std::string host = HostOf(*origin);
  return std::any_of(allowed.begin(), allowed.end(), [&host](const std::string& pattern) {
    if (pattern == "*") return true;
    const std::string wanted = LowerCase(pattern);
    if (wanted.starts_with("*.")) return host.size() > wanted.size() - 1 && host.ends_with(wanted.substr(1));
    return host == wanted;
  });
}

}  // namespace byon::push
