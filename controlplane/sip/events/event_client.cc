#include "controlplane/sip/events/event_client.h"

#include <algorithm>

namespace byon::sip {

using presence::EventObserver;
using presence::WatchRequest;

namespace {

constexpr uint32_t kWantedExpiresS = 3600;
constexpr std::chrono::milliseconds kRemovalPatience{500};

bool IsUsable(const call::SipBinding& binding) {
  return IsSafeUri(binding.impu) && IsSafeUri(binding.next_hop) && IsSafeUri("sip:" + binding.contact_token + "@x") &&
         std::all_of(binding.service_route.begin(), binding.service_route.end(), IsSafeText);
}

}  // namespace

// One subscription and what is told of it.
class EventClient::Watcher : private EventSubscription::Owner {
 public:
  Watcher(EventClient& client, const WatchRequest& request, EventSubscription::Target target)
      : client_(client),
        id_(request.id),
        content_type_(presence::ContentTypeOf(request.package)),
        subscription_(client.context_, *this, {presence::ToString(request.package), content_type_, kWantedExpiresS}),
        target_(std::move(target)),
        timer_(client.context_.thread) {}
  EventSubscription& subscription() { return subscription_; }
  const EventSubscription::Target& target() const { return target_; }
  void set_target(EventSubscription::Target target) { target_ = std::move(target); }

 private:
  EventSubscription::Target CurrentTarget() const override { return target_; }
  void OnWaiting() override {
    if (!subscription_.next_send()) return timer_.Clear();
    timer_.Set(std::chrono::ceil<std::chrono::milliseconds>(*subscription_.next_send() - SipThread::Clock::now()),
               [this] { subscription_.Send(); });
  }
  void OnNotification(const EventSubscription::Notification& notification) override {
    OnWaiting();
    const std::string id = id_;
    if (!notification.body.empty() && notification.content_type == content_type_) {
      client_.notify([id, document = std::string(notification.body)](EventObserver& observer) {
        observer.OnDocument(id, document);
      });
    }
    if (notification.is_final) return OnRefused(403);
    // Without a body the notifier knows of no state, or may not say yet (RFC 6665 section 4.2.1).
    if (!notification.is_terminated && !notification.body.empty()) return;
    client_.notify([id](EventObserver& observer) { observer.OnWatchInterrupted(id); });
  }
  void OnRefused(int status) override {
    client_.context_.counters.Add(SipCounter::kSubscriptionRefused);
    client_.notify([id = id_, status](EventObserver& observer) { observer.OnWatchRefused(id, status); });
    // Not now: the subscription is on the stack.
    client_.context_.thread.After(std::chrono::milliseconds(0), [&client = client_, id = id_] { client.Drop(id); });
  }

  EventClient& client_;
  const std::string id_;
  const std::string content_type_;
  EventSubscription subscription_;
  EventSubscription::Target target_;
  ScopedTimer timer_;
};

class EventClient::Publisher : private PublicationClient::Owner {
 public:
  Publisher(EventClient& client, std::string id, presence::Package package)
      : client_(client),
        id_(std::move(id)),
        publication_(client.context_, *this, std::string(presence::ToString(package)),
                     std::string(presence::ContentTypeOf(package))) {}
  PublicationClient& publication() { return publication_; }
  bool is_gone() const { return is_gone_; }
  // In whose name, and whether it is being taken back.
  std::string registration_id;
  bool is_leaving = false;

 private:
  void OnPublicationRefused(int status) override {
    client_.context_.counters.Add(SipCounter::kPublicationRefused);
    client_.notify([id = id_, status](EventObserver& observer) { observer.OnPublicationRefused(id, status); });
    OnPublicationGone();
  }
  void OnPublicationGone() override {
    is_gone_ = true;
    client_.context_.thread.After(std::chrono::milliseconds(0), [&client = client_, id = id_] { client.Forget(id); });
  }

  EventClient& client_;
  const std::string id_;
  bool is_gone_ = false;
  PublicationClient publication_;
};

EventClient::EventClient(ShardContext& context, RegistrationClient& registrations)
    : context_(context), registrations_(registrations) {}
EventClient::~EventClient() = default;

void EventClient::Watch(const WatchRequest& request) {
  if (!IsUsable(request.binding) || !IsSafeUri(request.resource_uri)) {
    context_.counters.Add(SipCounter::kInvalidTarget);
    return notify([id = request.id](EventObserver& observer) { observer.OnWatchRefused(id, 484); });
  }
  const call::SipBinding& binding = request.binding;
  EventSubscription::Target target{.resource = request.resource_uri,
                                   .impu = ClaimedIdentity(binding.impu, binding.associated_uris),
                                   .impi = registrations_.ImpiOf(binding.registration_id),
                                   .contact_token = binding.contact_token,
                                   .next_hop = binding.next_hop,
                                   .routes = context_.OriginatingRoutes(binding.next_hop, binding.service_route)};
  const auto known = watchers_.find(request.id);
  if (known != watchers_.end()) {
    const bool is_same_contact = known->second->target().contact_token == binding.contact_token;
    if (is_same_contact) return known->second->set_target(std::move(target));
    // Another registration speaks for the number now: the old Contact will not be reached any more.
    known->second->subscription().Stop();
    Drop(request.id);
  }
  ids_by_token_[binding.contact_token].insert(request.id);
  auto& watcher = watchers_[request.id];
  watcher = std::make_unique<Watcher>(*this, request, std::move(target));
  watcher->subscription().Send();
}

void EventClient::Unwatch(const std::string& id) {
  const auto found = watchers_.find(id);
  if (found == watchers_.end()) return;
  found->second->subscription().Stop();
  Drop(id);
}

void EventClient::Drop(const std::string& id) {
  const auto found = watchers_.find(id);
  if (found == watchers_.end()) return;
  const std::string token = found->second->target().contact_token;
  if (const auto of_token = ids_by_token_.find(token); of_token != ids_by_token_.end()) {
    of_token->second.erase(id);
    if (of_token->second.empty()) ids_by_token_.erase(of_token);
  }
  watchers_.erase(found);
}

void EventClient::Publish(presence::Publication publication) {
  const call::SipBinding& binding = publication.binding;
  if (!IsUsable(binding)) {
    context_.counters.Add(SipCounter::kInvalidTarget);
    return;
  }
  std::unique_ptr<Publisher>& publisher = publishers_[publication.id];
  if (publisher == nullptr || publisher->is_gone()) {
    publisher = std::make_unique<Publisher>(*this, publication.id, publication.package);
  }
  publisher->registration_id = binding.registration_id;
  publisher->is_leaving = false;
  publisher->publication().Publish({.impu = ClaimedSipIdentity(binding.impu, binding.associated_uris),
                                    .impi = registrations_.ImpiOf(binding.registration_id),
                                    .next_hop = binding.next_hop,
                                    .routes = context_.OriginatingRoutes(binding.next_hop, binding.service_route)},
                                   std::move(publication.document));
}

void EventClient::Unpublish(const std::string& id) {
  const auto found = publishers_.find(id);
  if (found == publishers_.end()) return;
  found->second->is_leaving = true;
  if (found->second->publication().Remove()) publishers_.erase(found);
}

void EventClient::Deregister(const registration::RegistrationId& id) {
  auto timer = std::make_unique<ScopedTimer>(context_.thread);
  timer->Set(kRemovalPatience, [this, id] {
    const auto late = deregistering_.extract(id);
    registrations_.Deregister(id);
  });
  deregistering_[id] = std::move(timer);
  FinishDeregistrations();
}

void EventClient::FinishDeregistrations() {
  std::vector<registration::RegistrationId> ready;
  for (const auto& [id, timer] : deregistering_) {
    const bool is_waiting = std::any_of(publishers_.begin(), publishers_.end(), [&](const auto& entry) {
      return entry.second->is_leaving && entry.second->registration_id == id;
    });
    if (!is_waiting) ready.push_back(id);
  }
  for (const registration::RegistrationId& id : ready) {
    deregistering_.erase(id);
    registrations_.Deregister(id);
  }
}

// One that was published anew meanwhile stays.
void EventClient::Forget(const std::string& publication_id) {
  const auto found = publishers_.find(publication_id);
  if (found != publishers_.end() && found->second->is_gone()) publishers_.erase(found);
  FinishDeregistrations();
}

bool EventClient::HandleNotify(ServerTransaction& transaction, const MessageView& request) {
  const auto uri = ParseUri(request.request_uri());
  const auto ids = uri ? ids_by_token_.find(uri->user) : ids_by_token_.end();
  if (ids == ids_by_token_.end()) return false;
  for (const std::string& id : ids->second) {
    const auto watcher = watchers_.find(id);
    if (watcher == watchers_.end()) continue;
    if (watcher->second->subscription().HandleNotify(transaction, request)) return true;
  }
  return false;
}

}  // namespace byon::sip
