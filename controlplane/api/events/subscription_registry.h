#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "controlplane/api/api_error.h"
#include "controlplane/api/events/cloud_event.h"
#include "controlplane/api/events/subscription.h"
#include "controlplane/api/events/webhook_sender.h"
#include "controlplane/store/slice_reader.h"

namespace byon::api {

struct SubscriptionConfig {
  WebhookConfig webhooks;
  std::chrono::seconds max_expires{604800};
  size_t max_per_user = 100;
};

// Keeps the subscriptions, sends their events, ends them in time, and keeps them in the store. On the strand.
class SubscriptionRegistry {
 public:
  struct Ports {
    http_client::HttpClient& http;
    Timers& timers;
    store::Store& store;
    const CloudEventFactory& events;
    Clock now;
    std::function<std::string()> new_id;
    WebhookSender::Observer observer;
    // Leads to the strand, from any thread; null where the store answers on it.
    std::function<void(std::function<void()>)> post = nullptr;
  };
  SubscriptionRegistry(SubscriptionConfig config, Ports ports);
  ~SubscriptionRegistry();

  // Takes up what an earlier process left. It goes on between other things on the strand; until `done` is called
  // nothing may be asked here.
  void Restore(std::function<void()> done = nullptr);
  bool is_restored() const { return reader_ == nullptr || is_restored_; }
  // `requested`: id, startsAt and expiresAt are filled in here.
  std::variant<const Subscription*, ApiError> Create(Subscription requested, std::optional<WallTime> expire_time);
  // Null when there is none, it belongs to somebody else or was made under another release: each lists its own.
  const Subscription* Find(const Owner& owner, Release release, const std::string& id) const;
  std::vector<const Subscription*> List(const Owner& owner, Release release) const;
  const Subscription* Update(const Owner& owner, Release release, const std::string& id,
                             std::optional<SinkCredential> credential, std::optional<WallTime> expire_time);
  bool Delete(const Owner& owner, Release release, const std::string& id);

  void Deliver(const gateway::DeviceKey& device, const CloudEvent& event);
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Subscription subscription;
    std::shared_ptr<WebhookSender> sender;
    std::shared_ptr<void> expiry;
    std::shared_ptr<void> credential_expiry;
  };
  void Insert(Subscription subscription);
  void TakeSubscription(const store::Record& record);
  void TakeEvent(const store::Record& record);
  // What the owner has, and nobody else's is looked at.
  std::vector<const Subscription*> Of(const Owner& owner) const;
  void ArmTimers(Entry& entry);
  // Ends with a subscription-ended event; `says_goodbye` false when the sink is gone.
  void End(const std::string& id, const std::string& reason, const std::string& description, bool says_goodbye = true);
  void OnVerdict(const std::string& id, SinkVerdict verdict);
  void Save(const Subscription& subscription);

  const SubscriptionConfig config_;
  Ports ports_;
  std::map<std::string, std::unique_ptr<Entry>> entries_;
  std::map<gateway::DeviceKey, std::set<std::string>> by_device_;  // ids; the user is empty with 2-legged tokens
  std::vector<std::shared_ptr<WebhookSender>> closing_;            // of ended subscriptions, until delivered
  bool is_restored_ = false;
  std::unique_ptr<store::SliceReader> reader_;  // while it restores
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace byon::api
