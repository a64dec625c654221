#include "controlplane/api/events/subscription.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controlplane/api/wire_format.h"

namespace byon::api {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr int kRecordVersion = 1;

int64_t ToMs(WallTime time) { return std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count(); }
WallTime FromMs(int64_t ms) { return WallTime(milliseconds(ms)); }

}  // namespace

bool Subscription::Wants(const CloudEvent& event) const {
  if (std::find(types.begin(), types.end(), event.type) == types.end()) return false;
  if (is_for_registration && event.registration_id != registration_id) return false;
  // A registration's end concerns its sessions too.
  return session_id.empty() || event.media_session_id.empty() || event.media_session_id == session_id;
}

std::string ToRecord(const Subscription& subscription) {
  json types = json::array();
  for (const EventType type : subscription.types) types.push_back(TypeName(type, subscription.release));
  json record{{"v", kRecordVersion},
              {"client", subscription.owner.client_id},
              {"user", subscription.owner.user},
              {"sink", subscription.sink},
              {"r2_2", subscription.release == Release::kR2_2},
              {"types", types},
              {"device", subscription.device_id},
              {"sent", subscription.sent_events},
              {"starts", ToMs(subscription.starts_at)},
              {"expires", ToMs(subscription.expires_at)}};
  if (!subscription.registration_id.empty()) record["registration"] = subscription.registration_id;
  if (subscription.is_for_registration) record["for_registration"] = true;
  if (!subscription.session_id.empty()) record["session"] = subscription.session_id;
  if (subscription.max_events) record["max"] = *subscription.max_events;
  if (subscription.initial_event) record["initial"] = *subscription.initial_event;
  if (subscription.credential) {
    record["token"] = subscription.credential->access_token;
    record["token_expires"] = ToMs(subscription.credential->expires_at);
  }
  return record.dump();
}

std::optional<Subscription> FromRecord(const store::Record& stored) {
  try {
    const json record = json::parse(stored.value);
    if (record.at("v") != kRecordVersion) return std::nullopt;
    Subscription subscription;
    subscription.id = stored.key;
    subscription.owner = {record.at("client"), record.at("user")};
    subscription.sink = record.at("sink");
    if (record.value("r2_2", false)) subscription.release = Release::kR2_2;
    subscription.registration_id = record.value("registration", "");
    subscription.is_for_registration = record.value("for_registration", false);
    subscription.session_id = record.value("session", "");
    for (const json& name : record.at("types")) {
      const auto type = ParseSubscribableType(name.get<std::string>(), subscription.release);
      if (!type) return std::nullopt;
      subscription.types.push_back(*type);
    }
    subscription.device_id = record.at("device");
    subscription.sent_events = record.at("sent");
    subscription.starts_at = FromMs(record.at("starts"));
    subscription.expires_at = FromMs(record.at("expires"));
    if (record.contains("max")) subscription.max_events = record["max"].get<int64_t>();
    if (record.contains("initial")) subscription.initial_event = record["initial"].get<bool>();
    if (record.contains("token")) {
      subscription.credential = {record["token"].get<std::string>(), FromMs(record.at("token_expires"))};
    }
    return subscription;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

json SubscriptionBody(const Subscription& subscription) {
  json types = json::array();
  for (const EventType type : subscription.types) types.push_back(TypeName(type, subscription.release));
  json detail{{"deviceId", subscription.device_id}};
  if (!subscription.registration_id.empty()) detail["registrationId"] = subscription.registration_id;
  if (!subscription.session_id.empty()) detail["sessionId"] = subscription.session_id;
  json config{{"subscriptionDetail", detail}, {"subscriptionExpireTime", FormatDateTime(subscription.expires_at)}};
  if (subscription.max_events) config["subscriptionMaxEvents"] = *subscription.max_events;
  if (subscription.initial_event) config["initialEvent"] = *subscription.initial_event;
  return {{"id", subscription.id},
          {"protocol", "HTTP"},
          {"sink", subscription.sink},
          {"types", types},
          {"config", config},
          {"startsAt", FormatDateTime(subscription.starts_at)},
          {"expiresAt", FormatDateTime(subscription.expires_at)},
          {"status", "ACTIVE"}};
}

}  // namespace byon::api
