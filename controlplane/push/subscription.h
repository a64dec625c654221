#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "controlplane/push/message_encryption.h"

namespace byon::push {

using WallTime = std::chrono::system_clock::time_point;

// A browser's PushSubscription (W3C Push API).
struct WebPushSubscription {
  std::string endpoint;  // https URL of its push service
  Receiver receiver;
  std::optional<WallTime> expires_at;
};
// An app's registration token of Firebase Cloud Messaging.
struct FcmSubscription {
  std::string token;
};
// An app's device token of Apple's push service, for VoIP pushes.
struct ApnsSubscription {
  std::string token;  // lower-case hex
  bool is_sandbox = false;
};
// Where a sleeping app can be woken.
using Subscription = std::variant<WebPushSubscription, FcmSubscription, ApnsSubscription>;

// "web-push", "fcm" or "apns", as the API has it.
std::string_view TypeOf(const Subscription& subscription);

// What is wrong with a subscription, in one sentence.
struct SubscriptionMistake {
  std::string sentence;
};
// Reads what a client sends and the store keeps: {type, endpoint, keys, expirationTime} | {type, token} |
// {type, token, environment}; other members are mistakes.
[[nodiscard]] std::variant<Subscription, SubscriptionMistake> ReadSubscription(const nlohmann::json& body);
// The same of a text that ToText made; nothing when it cannot be read.
[[nodiscard]] std::optional<Subscription> ParseSubscription(std::string_view text);
std::string ToText(const Subscription& subscription);

// scheme://host[:port] of an https URL without user, password or fragment; nothing when it is something else.
[[nodiscard]] std::optional<std::string> OriginOf(std::string_view url);
// Whether the URL's host is one of these: a name, or "*." and the end of a name. "*" alone: any.
[[nodiscard]] bool IsAllowedHost(std::string_view url, const std::vector<std::string>& allowed);

}  // namespace byon::push
