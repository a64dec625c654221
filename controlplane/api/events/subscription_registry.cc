#include "controlplane/api/events/subscription_registry.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "controlplane/api/wire_format.h"

namespace byon::api {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// How long before the sink's token ends the client hears of it.
constexpr seconds kCredentialWarning{5};
// An event of yesterday's call helps nobody; the retries of one end within minutes.
constexpr std::chrono::hours kEventLife{1};
// Longest wait of one timer; a later deadline is waited for in pieces, so that clock changes are seen.
constexpr milliseconds kLongestWait{3'600'000};

// Deliveries under way at a time: of one user, and of a client that has the subscriptions of many.
constexpr size_t kDeliveriesOfUser = 16;
constexpr size_t kDeliveriesOfClient = 128;

constexpr int kEventVersion = 1;

std::string EventKey(const std::string& subscription_id, uint64_t number) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "/%016llx", static_cast<unsigned long long>(number));
  return subscription_id + digits;
}

gateway::DeviceKey KeyOf(const Subscription& subscription) {
  return {subscription.owner.client_id, subscription.owner.user, subscription.device_id};
}

// The queue of one subscription in the store, for as long as an event is worth sending.
class StoredBacklog final : public WebhookSender::Backlog {
 public:
  StoredBacklog(store::Store& store, Clock now, std::string subscription_id)
      : store_(store), now_(std::move(now)), id_(std::move(subscription_id)) {}
  void Keep(uint64_t number, const std::string& event_id, const std::string& text) override {
    const nlohmann::json value{{"v", kEventVersion}, {"id", event_id}, {"text", text}};
    store_.Put(store::Kind::kWebhookEvent, EventKey(id_, number), value.dump(), now_() + kEventLife);
  }
  void Drop(uint64_t number) override { store_.Delete(store::Kind::kWebhookEvent, EventKey(id_, number)); }

 private:
  store::Store& store_;
  const Clock now_;
  const std::string id_;
};

}  // namespace

SubscriptionRegistry::SubscriptionRegistry(SubscriptionConfig config, Ports ports)
    : config_(std::move(config)), ports_(std::move(ports)) {}

SubscriptionRegistry::~SubscriptionRegistry() {
  for (auto& [id, entry] : entries_) entry->sender->Stop();
  for (const auto& sender : closing_) sender->Stop();
}

void SubscriptionRegistry::Restore(std::function<void()> done) {
  reader_ = std::make_unique<store::SliceReader>(ports_.store, ports_.post);
  reader_->ReadAll(
      store::Kind::kSubscription, [this](store::Record& record) { TakeSubscription(record); },
      [this, done = std::move(done)] {
        // Keys sort by subscription and number: each queue comes in its order.
        reader_->ReadAll(
            store::Kind::kWebhookEvent, [this](store::Record& record) { TakeEvent(record); },
            [this, done] {
              is_restored_ = true;
              if (done) done();
            });
      });
}

void SubscriptionRegistry::TakeSubscription(const store::Record& record) {
  auto subscription = FromRecord(record);
  if (subscription) return Insert(std::move(*subscription));
  ports_.store.Delete(store::Kind::kSubscription, record.key);
  ports_.observer("subscription_record_refused", record.key);
}

void SubscriptionRegistry::TakeEvent(const store::Record& record) {
  const size_t slash = record.key.rfind('/');
  const auto it = slash == std::string::npos ? entries_.end() : entries_.find(record.key.substr(0, slash));
  const auto value = nlohmann::json::parse(record.value, nullptr, false);
  uint64_t number = 0;
  const char* end = record.key.data() + record.key.size();
  const bool has_number =
      slash != std::string::npos && std::from_chars(record.key.data() + slash + 1, end, number, 16).ptr == end;
  const bool is_good = it != entries_.end() && has_number && value.is_object() &&
                       value.value("v", 0) == kEventVersion && value.contains("id") && value["id"].is_string() &&
                       value.contains("text") && value["text"].is_string();
  if (is_good) return it->second->sender->Restore(number, value["id"], value["text"]);
  ports_.store.Delete(store::Kind::kWebhookEvent, record.key);
}

std::variant<const Subscription*, ApiError> SubscriptionRegistry::Create(Subscription requested,
                                                                         std::optional<WallTime> expire_time) {
  const WallTime now = ports_.now();
  const std::vector<const Subscription*> others = Of(requested.owner);
  const bool is_there = std::any_of(others.begin(), others.end(), [&requested](const Subscription* other) {
    return other->release == requested.release && other->sink == requested.sink && other->types == requested.types &&
           other->device_id == requested.device_id && other->registration_id == requested.registration_id &&
           other->session_id == requested.session_id;
  });
  if (is_there) return ApiError{409, "ALREADY_EXISTS", "The resource that a client tried to create already exists."};
  if (others.size() >= config_.max_per_user) return ApiError{429, "QUOTA_EXCEEDED", "Out of resource quota."};
  requested.id = ports_.new_id();
  requested.starts_at = now;
  requested.expires_at = std::min(expire_time.value_or(now + config_.max_expires), now + config_.max_expires);
  const std::string id = requested.id;
  Save(requested);
  Insert(std::move(requested));
  return &entries_.at(id)->subscription;
}

void SubscriptionRegistry::Insert(Subscription subscription) {
  auto entry = std::make_unique<Entry>();
  const std::string id = subscription.id;
  by_device_[KeyOf(subscription)].insert(id);
  entry->sender = std::make_shared<WebhookSender>(
      config_.webhooks,
      WebhookSender::Sink{subscription.sink, subscription.credential ? subscription.credential->access_token : "",
                          subscription.owner.client_id + '\n' + subscription.owner.user,
                          subscription.owner.user.empty() ? kDeliveriesOfClient : kDeliveriesOfUser},
      ports_.http, ports_.timers,
      [this, id, alive = std::weak_ptr<bool>(alive_)](SinkVerdict verdict) {
        if (!alive.expired()) OnVerdict(id, verdict);
      },
      [observer = ports_.observer, id](std::string_view event, std::string detail) {
        observer(event, "subscription " + id + ": " + detail);
      },
      std::make_unique<StoredBacklog>(ports_.store, ports_.now, id));
  entry->subscription = std::move(subscription);
  Entry& kept = *(entries_[id] = std::move(entry));
  ArmTimers(kept);
}

void SubscriptionRegistry::ArmTimers(Entry& entry) {
  const WallTime now = ports_.now();
  const auto until = [now](WallTime time) {
    return std::clamp(std::chrono::ceil<milliseconds>(time - now), milliseconds(0), kLongestWait);
  };
  const std::string id = entry.subscription.id;
  entry.expiry = ports_.timers.After(until(entry.subscription.expires_at), [this, id] {
    const auto it = entries_.find(id);
    if (it == entries_.end()) return;
    if (ports_.now() < it->second->subscription.expires_at) return ArmTimers(*it->second);
    End(id, "SUBSCRIPTION_EXPIRED", "The subscription's time is over.");
  });
  entry.credential_expiry.reset();
  if (!entry.subscription.credential) return;
  entry.credential_expiry =
      ports_.timers.After(until(entry.subscription.credential->expires_at - kCredentialWarning), [this, id] {
        const auto it = entries_.find(id);
        if (it == entries_.end() || !it->second->subscription.credential) return;
        if (ports_.now() < it->second->subscription.credential->expires_at - kCredentialWarning) {
          return ArmTimers(*it->second);
        }
        End(id, "ACCESS_TOKEN_EXPIRED", "The sink's access token is about to expire.");
      });
}

const Subscription* SubscriptionRegistry::Find(const Owner& owner, Release release, const std::string& id) const {
  const auto it = entries_.find(id);
  if (it == entries_.end()) return nullptr;
  const Subscription& found = it->second->subscription;
  return found.owner == owner && found.release == release ? &found : nullptr;
}

std::vector<const Subscription*> SubscriptionRegistry::List(const Owner& owner, Release release) const {
  std::vector<const Subscription*> list = Of(owner);
  std::erase_if(list, [release](const Subscription* one) { return one->release != release; });
  std::sort(list.begin(), list.end(), [](const Subscription* a, const Subscription* b) { return a->id < b->id; });
  return list;
}

std::vector<const Subscription*> SubscriptionRegistry::Of(const Owner& owner) const {
  std::vector<const Subscription*> found;
  for (auto it = by_device_.lower_bound({owner.client_id, owner.user, ""});
       it != by_device_.end() && it->first.client_id == owner.client_id && it->first.user == owner.user; ++it) {
    for (const std::string& id : it->second) found.push_back(&entries_.at(id)->subscription);
  }
  return found;
}

const Subscription* SubscriptionRegistry::Update(const Owner& owner, Release release, const std::string& id,
                                                 std::optional<SinkCredential> credential,
                                                 std::optional<WallTime> expire_time) {
  if (Find(owner, release, id) == nullptr) return nullptr;
  Entry& entry = *entries_.at(id);
  if (credential) {
    entry.sender->set_access_token(credential->access_token);
    entry.subscription.credential = std::move(credential);
  }
  if (expire_time) entry.subscription.expires_at = std::min(*expire_time, ports_.now() + config_.max_expires);
  Save(entry.subscription);
  ArmTimers(entry);
  return &entry.subscription;
}

bool SubscriptionRegistry::Delete(const Owner& owner, Release release, const std::string& id) {
  if (Find(owner, release, id) == nullptr) return false;
  End(id, "SUBSCRIPTION_DELETED", "The subscription was deleted by its owner.");
  return true;
}

void SubscriptionRegistry::Deliver(const gateway::DeviceKey& device, const CloudEvent& event) {
  std::set<std::string> ids;
  // The user's own, and those of a 2-legged client, which stand under no user.
  for (const std::string& user : {device.user, std::string()}) {
    const auto it = by_device_.find({device.client_id, user, device.device_id});
    if (it != by_device_.end()) ids.insert(it->second.begin(), it->second.end());
  }
  for (const std::string& id : ids) {
    Entry& entry = *entries_.at(id);
    Subscription& subscription = entry.subscription;
    if (!subscription.Wants(event) || !subscription.owner.Owns(device)) continue;
    entry.sender->Enqueue(event.id, event.TextFor(id, subscription.release));
    ++subscription.sent_events;
    if (!subscription.max_events) continue;
    if (subscription.sent_events >= *subscription.max_events) {
      End(id, "MAX_EVENTS_REACHED", "The subscription has had its number of events.");
    } else {
      Save(subscription);
    }
  }
}

void SubscriptionRegistry::OnVerdict(const std::string& id, SinkVerdict verdict) {
  const auto it = entries_.find(id);
  if (it == entries_.end()) return;
  if (verdict == SinkVerdict::kGone) return End(id, "NETWORK_TERMINATED", "The sink is gone.", false);
  const auto& credential = it->second->subscription.credential;
  if (credential && credential->expires_at <= ports_.now()) {
    End(id, "ACCESS_TOKEN_EXPIRED", "The sink's access token has expired.", false);
  }
}

void SubscriptionRegistry::End(const std::string& id, const std::string& reason, const std::string& description,
                               bool says_goodbye) {
  const auto it = entries_.find(id);
  if (it == entries_.end()) return;
  const std::unique_ptr<Entry> entry = std::move(it->second);
  entries_.erase(it);
  const auto of_device = by_device_.find(KeyOf(entry->subscription));
  of_device->second.erase(id);
  if (of_device->second.empty()) by_device_.erase(of_device);
  ports_.store.Delete(store::Kind::kSubscription, id);
  ports_.observer("subscription_ended", id + " " + reason);
  if (!says_goodbye) return entry->sender->Abandon();
  const CloudEvent event = ports_.events.MakeSubscriptionEnded(id, reason, description);
  entry->sender->Enqueue(event.id, event.TextFor(id, entry->subscription.release));
  entry->sender->Close();
  std::erase_if(closing_, [](const auto& sender) { return sender->queued() == 0; });
  closing_.push_back(entry->sender);
}

void SubscriptionRegistry::Save(const Subscription& subscription) {
  ports_.store.Put(store::Kind::kSubscription, subscription.id, ToRecord(subscription), subscription.expires_at);
}

}  // namespace byon::api
