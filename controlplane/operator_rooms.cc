#include "controlplane/operator_rooms.h"

#include <boost/asio/post.hpp>
#include <map>
#include <mutex>
#include <stdexcept>

#include "controlplane/api/asio_timers.h"
#include "controlplane/api/events/event_hub.h"
#include "controlplane/api/operation_name.h"
#include "controlplane/auth/number_ranges.h"
#include "controlplane/auth/software_isim.h"
#include "controlplane/gateway/asio_alarm.h"
#include "controlplane/gateway/messaging.h"
#include "controlplane/gateway/presence.h"
#include "controlplane/gateway/readiness.h"
#include "controlplane/gateway/register_watch.h"
#include "controlplane/http_client/curl_http_client.h"
#include "controlplane/next_hop_finder.h"
#include "controlplane/operator_metrics.h"
#include "controlplane/push_parts.h"
#include "controlplane/room_settings.h"
#include "controlplane/runtime/audit_line.h"
#include "controlplane/sip/sip_stack.h"
#include "controlplane/store/scoped_store.h"
#include "controlplane/web_sip/socket_router.h"

namespace byon {
namespace {

constexpr std::chrono::minutes kCounterInterval{1};

// The subscribers file as the gateway and the SIP side know it; numbers outside the operator's ranges are nobody's.
class Subscribers final : public gateway::SubscriberDirectory,
                          public sip::CredentialSource,
                          public web_sip::WebPasswords {
 public:
  Subscribers(runtime::SubscriberFile file, std::vector<std::string> number_ranges)
      : file_(std::move(file)), number_ranges_(std::move(number_ranges)) {
    for (const auto& [impi, keys] : file_.isims()) isims_.emplace(impi, auth::SoftwareIsim(keys));
  }
  std::optional<gateway::Subscriber> Find(const std::string& phone_number) const override {
    const auto record = file_.Find(phone_number);
    if (!record || !auth::IsInRanges(phone_number, number_ranges_)) return std::nullopt;
    return gateway::Subscriber{record->impu, record->impi, record->location};
  }
  std::optional<std::string> Password(const std::string& impi) override { return file_.Password(impi); }
  std::optional<auth::AkaAnswer> Authenticate(const std::string& impi, const auth::AkaChallenge& challenge) override {
    const std::lock_guard lock(isims_mutex_);
    const auto isim = isims_.find(impi);
    return isim == isims_.end() ? std::nullopt : std::optional(isim->second.Authenticate(challenge));
  }
  uint64_t SequenceNumber(const std::string& impi) override {
    const std::lock_guard lock(isims_mutex_);
    const auto isim = isims_.find(impi);
    return isim == isims_.end() ? 0 : isim->second.highest_sequence_number();
  }
  void RestoreSequenceNumber(const std::string& impi, uint64_t highest) override {
    const std::lock_guard lock(isims_mutex_);
    if (const auto isim = isims_.find(impi); isim != isims_.end()) isim->second.Restore(highest);
  }
  std::optional<std::string> WebPassword(const std::string& number) const override {
    return auth::IsInRanges(number, number_ranges_) ? file_.WebPassword(number) : std::nullopt;
  }
  size_t size() const { return file_.size(); }

 private:
  const runtime::SubscriberFile file_;
  const std::vector<std::string> number_ranges_;
  std::mutex isims_mutex_;  // SIP threads ask
  std::map<std::string, auth::SoftwareIsim> isims_;
};

// Events are made before the hub can be: it stands behind this one. What happens to calls and
// registrations is logged on the way.
class EventRelay final : public gateway::EventSink {
 public:
  explicit EventRelay(runtime::Logger& log) : log_(log) {}
  void OnEvent(const gateway::DeviceKey& device, const gateway::Event& event) override {
    if (const auto* invited = std::get_if<gateway::SessionInvitation>(&event)) LogCall(invited->session);
    if (const auto* changed = std::get_if<gateway::SessionStatus>(&event)) LogCall(changed->session);
    if (const auto* emergency = std::get_if<gateway::EmergencyNotice>(&event)) {
      // The audit trail: neither a number nor a place.
      log_.Warning("emergency", {{"call", emergency->media_session_id},
                                 {"what", ToString(emergency->step)},
                                 {"service", emergency->service_urn},
                                 {"has_location", emergency->has_location ? "yes" : "no"}});
    }
    if (const auto* ended = std::get_if<gateway::RegistrationEnds>(&event)) {
      log_.Info("registration_ends", {{"registration", ended->registration_id}, {"why", ended->description}});
    }
    if (presence != nullptr) presence->OnEvent(device, event);
    if (hub != nullptr) hub->OnEvent(device, event);
    if (web_sip != nullptr) web_sip->OnEvent(device, event);
    if (waker != nullptr) waker->OnEvent(device, event);
  }
  gateway::EventSink* hub = nullptr;
  gateway::EventSink* waker = nullptr;  // behind the hub: it asks who was told
  gateway::EventSink* presence = nullptr;
  gateway::EventSink* web_sip = nullptr;  // where SIP over WebSocket is served

 private:
  void LogCall(const gateway::MediaSession& session) {
    log_.Info("call", {{"call", session.media_session_id},
                       {"status", ToString(session.status)},
                       {"direction", session.is_originating ? "out" : "in"},
                       {"from", session.originator_address},
                       {"to", session.emergency == call::Emergency::kCall ? "emergency" : session.receiver_address},
                       {"why", session.reason},
                       {"sip_call_id", session.sip_call_id},
                       {"icid", session.charging_id}});
  }

  runtime::Logger& log_;
};

runtime::SubscriberFile LoadSubscribers(const runtime::Config& config) {
  if (config.ims.subscribers_file.empty()) return runtime::SubscriberFile(SubscriberRule(config));
  auto loaded = runtime::SubscriberFile::Load(config.ims.subscribers_file, SubscriberRule(config));
  if (!loaded.mistakes.empty()) throw std::runtime_error(loaded.mistakes.front());
  return std::move(loaded.subscribers);
}

// In whose name the operator's sessions stand on the dataplanes, which show each controller its own only.
std::string ControllerIdOf(const runtime::OperatorConfig& config) {
  const std::string& node = config.config.node_id;
  return config.id == runtime::kDefaultOperator ? node : node + "/" + config.id;
}

}  // namespace

std::string StoreScopeOf(const std::string& operator_id) {
  return operator_id == runtime::kDefaultOperator ? "" : operator_id;
}

// In the order of making; unmade in reverse.
struct OperatorRooms::Rooms {
  Rooms(const runtime::OperatorConfig& config, const SharedRooms& shared);

  std::string Unreadiness() const {
    if (!tokens.is_ready()) return "keys of the identity provider";
    if (!media.is_ready()) return "dataplane";
    return gateway::MissingFromRestart(gateway.restored(), clock.Read().steady - began);
  }
  void OnTokenEvent(std::string_view event, const std::string& detail);
  // What clients did and what they were refused, each minute in which there was something.
  void LogWebSipCounters();

  const std::string id;
  runtime::Logger log;
  std::function<void(std::function<void()>)> post;
  gateway::SystemClock clock;
  const std::chrono::steady_clock::time_point began = clock.Read().steady;
  gateway::SystemIdSource ids;
  api::Clock now = [] { return std::chrono::system_clock::now(); };
  api::AsioTimers timers;
  ApiCounters api_counters;
  store::ScopedStore store;
  Subscribers subscribers;
  EventRelay relay;
  sip::SipStack sip;
  media::DataplaneClient media;
  gateway::AsioAlarm alarm;
  click_to_call::ClickToCall visitors;
  gateway::Gateway gateway;
  gateway::RegisterWatch register_watch;
  gateway::AsioAlarm messaging_alarm;
  gateway::Messaging messaging;
  gateway::Presence presence;
  // One for each purpose, so that none takes the places of another: the identity provider's keys and introspection, the
  // sinks of subscribers, and the push services.
  http_client::CurlHttpClient identity_client;
  http_client::CurlHttpClient webhook_client;
  http_client::CurlHttpClient push_client;
  api::TokenService tokens;
  api::CloudEventFactory events;
  api::SubscriptionRegistry subscriptions;
  api::ChannelRegistry channels;
  api::EventHub hub;
  PushParts push_parts;
  push::Waker waker;
  api::Application application;
  std::unique_ptr<web_sip::WebSip> web_sip;  // null: not served
  std::shared_ptr<void> counter_timer;
  std::unique_ptr<web_sip::SocketRouter> router;
  const runtime::ImsSettings ims;
  std::unique_ptr<NextHopFinder> next_hop_finder;  // null: the P-CSCFs are fixed
};

OperatorRooms::Rooms::Rooms(const runtime::OperatorConfig& one, const SharedRooms& shared)
    : id(one.id),
      log(shared.log, shared.has_one_operator ? "" : one.id),
      post([strand = shared.strand](std::function<void()> task) { boost::asio::post(strand, std::move(task)); }),
      timers(shared.strand),
      store(shared.store, StoreScopeOf(one.id)),
      subscribers(LoadSubscribers(one.config), one.number_ranges),
      relay(log),
      sip(SipSettings(one.config), post, &subscribers),
      media(MediaSettings(one.config, ControllerIdOf(one)), post),
      alarm(shared.strand),
      visitors(one.config.click_to_call.campaigns, one.id, one.config.http.public_url, store),
      gateway(GatewaySettings(one.config),
              {sip.signaling(), sip.registrar(), media, store, subscribers, relay, clock, ids, alarm, &visitors, post,
               [this](const gateway::AuditEntry& entry) { runtime::WriteAudit(log, entry); }}),
      register_watch(gateway, clock,
                     [this](const std::string& what) {
                       log.Warning("register_refused", {{"what", what}});
                     }),
      messaging_alarm(shared.strand),
      messaging(MessagingSettings(one.config), {sip.pager(), gateway, store, relay, clock, ids, messaging_alarm, post}),
      presence(PresenceSettings(one.config), {sip.events(), gateway, store, relay, clock, post}),
      identity_client(shared.strand, kMaxIdentityRequests),
      webhook_client(shared.strand, kMaxWebhookRequests),
      push_client(shared.strand, kMaxPushRequests),
      tokens(TokenSettings(one), identity_client, now, timers),
      events(one.config.http.public_url + one.config.http.api_root, one.config.ims.home_domain, now,
             [this] { return ids.NewId(); }),
      subscriptions(SubscriptionSettings(one.config),
                    {webhook_client, timers, store, events, now, [this] { return ids.NewId(); },
                     [this](std::string_view event, std::string detail) {
                       if (api_counters.CountWebhook(event)) log.Warning(event, {{"detail", detail}});
                     },
                     post}),
      channels(ChannelSettings(one.config), {store, now, [this] { return ids.NewId(); }, post}),
      hub(events, subscriptions, channels),
      push_parts(MakePush(one.config, push_client, now)),
      waker(WakerSettings(one.config), std::move(push_parts.providers),
            {gateway, timers, now, [this] { return ids.NewId(); },
             [this](const gateway::DeviceKey& device) { return channels.IsConnected(device); },
             [this](const gateway::DeviceKey& device, push::WallTime then) {
               return channels.IsSilentSince(device, then);
             },
             [this](std::string_view event, std::string detail) {
               event == "push" ? log.Info(event, {{"detail", detail}}) : log.Warning(event, {{"detail", detail}});
             }}),
      application(ApiSettings(one.config, shared.version, push_parts.api),
                  {gateway, tokens, subscriptions, channels, events, timers, now, [this] { return ids.NewId(); },
                   [this] { return Unreadiness(); },
                   [this, root = one.config.http.api_root](const api::HttpRequest& request, int status,
                                                           const std::string& correlator) {
                     ++api_counters.requests[{api::OperationName(request.method, request.path, root), status}];
                     log.Info("request", {{"method", request.method},
                                          {"path", request.path},
                                          {"status", status},
                                          {"correlator", correlator},
                                          {"peer", request.remote_address}});
                   },
                   one.config.messages.is_enabled ? &messaging : nullptr, &presence,
                   one.config.click_to_call.campaigns.empty() ? nullptr : &gateway,
                   one.config.click_to_call.campaigns.empty() ? nullptr : &visitors}),
      ims(one.config.ims) {
  tokens.set_observer([this](std::string_view event, std::string detail) { OnTokenEvent(event, detail); });
  tokens.set_visitor_tokens([](const std::string& token) { return click_to_call::TokenText::Parse(token).has_value(); },
                            [this](const std::string& token, api::WallTime at) { return visitors.Verify(token, at); });
  tokens.KeepKeysIn(store);
  relay.hub = &hub;
  relay.waker = &waker;
  relay.presence = &presence;
  gateway.AddLineObserver(&messaging);
  gateway.AddLineObserver(&presence);
  gateway.SetDialogDirectory(&presence);
  sip.SetObservers(one.config.messages.is_enabled ? &messaging : nullptr, &presence);
  if (one.config.web_sip.is_enabled) {
    web_sip = std::make_unique<web_sip::WebSip>(
        WebSipSettings(one.config),
        web_sip::WebSipPorts{gateway, tokens, subscribers, timers, now, [this] { return ids.NewId(); },
                             [this](std::string_view event, std::string detail) {
                               log.Info(event, {{"detail", detail}});
                             },
                             one.config.messages.is_enabled ? &messaging : nullptr});
    relay.web_sip = web_sip.get();
    counter_timer = timers.After(kCounterInterval, [this] { LogWebSipCounters(); });
  }
  router = std::make_unique<web_sip::SocketRouter>(application, web_sip.get());
  if (const auto error = sip.Start(&gateway, &register_watch)) {
    throw std::runtime_error(shared.has_one_operator ? *error : "operator " + id + ": " + *error);
  }
  if (!ims.core_domain.empty()) {
    next_hop_finder = std::make_unique<NextHopFinder>(
        ims, shared.strand, log, [this](const std::vector<std::string>& hops) { sip.SetNextHops(hops); });
  }
  media.Start(gateway);
  log.Info("subscribers", {{"listed", subscribers.size()}});
}

void OperatorRooms::Rooms::LogWebSipCounters() {
  const std::string changes = web_sip->TakeCounterChanges();
  if (!changes.empty()) {
    log.Info("sip_websocket", {{"lines", web_sip->lines()}, {"calls", web_sip->calls()}, {"counters", changes}});
  }
  counter_timer = timers.After(kCounterInterval, [this] { LogWebSipCounters(); });
}

void OperatorRooms::Rooms::OnTokenEvent(std::string_view event, const std::string& detail) {
  if (event == "token_refused" || event == "keys_fetched") {
    log.Info(event, {{"detail", detail}});
  } else {
    log.Warning(event, {{"detail", detail}});
  }
}

OperatorRooms::OperatorRooms(const runtime::OperatorConfig& config, const SharedRooms& shared)
    : rooms_(std::make_unique<Rooms>(config, shared)) {}
OperatorRooms::~OperatorRooms() = default;

const std::string& OperatorRooms::id() const { return rooms_->id; }
api::HttpApplication& OperatorRooms::application() { return *rooms_->router; }
std::string OperatorRooms::Unreadiness() const { return rooms_->Unreadiness(); }

void OperatorRooms::Start() {
  rooms_->visitors.Restore(rooms_->now());
  rooms_->tokens.Start();
  // Where there are many registrations some want their REGISTER before all of them are read.
  if (rooms_->next_hop_finder) rooms_->next_hop_finder->Start();
  const auto tell = [rooms = rooms_.get()](gateway::Restored restored) {
    if (restored == gateway::Restored::kCalls) return rooms->sip.SetDialogsRestored();
    rooms->sip.SetRestored();
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(rooms->clock.Read().steady - rooms->began);
    rooms->log.Info("restored", {{"registrations", rooms->gateway.stats().registrations}, {"ms", took.count()}});
  };
  // Whom to tell of calls before there are any; what belongs to a number before it is up.
  rooms_->gateway.Restore(tell, {.calls =
                                     [rooms = rooms_.get()](const std::function<void()>& go_on) {
                                       // Neither is asked anything from here on until it is through.
                                       const auto left = std::make_shared<int>(2);
                                       const auto done = [left, go_on] {
                                         if (--*left == 0) go_on();
                                       };
                                       rooms->channels.Restore(done);
                                       rooms->subscriptions.Restore(done);
                                     },
                                 .lines =
                                     [rooms = rooms_.get()](const std::function<void()>& go_on) {
                                       rooms->messaging.Restore([rooms, go_on] { rooms->presence.Restore(go_on); });
                                     }});
}

void OperatorRooms::HandOver() { rooms_->gateway.HandOver(); }

void OperatorRooms::EndService(const std::string& reason) { rooms_->gateway.EndService(reason); }

bool OperatorRooms::HasEnded() const { return rooms_->gateway.HasEnded(); }

void OperatorRooms::Stop() {
  rooms_->next_hop_finder.reset();
  rooms_->sip.Stop();
  rooms_->media.Stop();
}

void OperatorRooms::CollectMetrics(metrics::MetricSet& set, std::function<void()> done) const {
  const metrics::Labels labels{{"operator", rooms_->id}};
  set.Gauge(
      "byon_ready",
      "1 when keys, a dataplane and the calls of before a restart are there; registrations too, or 10 s have passed.",
      labels, rooms_->Unreadiness().empty() ? 1 : 0);
  set.Gauge("byon_channels", "Event channels, those included that wait for their client to come back.", labels,
            static_cast<double>(rooms_->channels.size()));
  set.Gauge("byon_subscriptions", "Subscriptions to events by webhook.", labels,
            static_cast<double>(rooms_->subscriptions.size()));
  AddGatewayMetrics(set, labels, rooms_->gateway.stats());
  AddApiMetrics(set, labels, rooms_->api_counters);
  AddSipMetrics(set, labels, rooms_->sip.counters());
  if (rooms_->web_sip) AddWebSipMetrics(set, labels, *rooms_->web_sip);
  AddPushMetrics(set, labels, rooms_->waker.counters());
  AddClickToCallMetrics(set, labels, rooms_->visitors);
  rooms_->media.CollectLoads([&set, labels, done = std::move(done)](const std::vector<media::DataplaneLoad>& loads) {
    AddDataplaneMetrics(set, labels, loads);
    done();
  });
}

void OperatorRooms::LogTotals() const {
  const gateway::GatewayStats stats = rooms_->gateway.stats();
  rooms_->log.Info("totals", {{"registrations", stats.registrations},
                              {"calls", stats.calls},
                              {"calls_started", stats.calls_started},
                              {"calls_connected", stats.calls_connected},
                              {"subscriptions", rooms_->subscriptions.size()},
                              {"channels", rooms_->channels.size()},
                              {"unreadable_records", stats.unreadable_records}});
  for (const click_to_call::Campaign& campaign : rooms_->visitors.campaigns()) {
    const click_to_call::CampaignFigures& figures = rooms_->visitors.FiguresOf(campaign.id);
    std::string refused;
    for (size_t i = 0; i < figures.refused.size(); ++i) {
      if (figures.refused[i] == 0) continue;
      refused += (refused.empty() ? "" : " ") + std::string(ToString(static_cast<click_to_call::Refusal>(i))) + "=" +
                 std::to_string(figures.refused[i]);
    }
    rooms_->log.Info("click_to_call", {{"campaign", campaign.id},
                                       {"tokens", figures.tokens},
                                       {"calls_started", figures.calls_started},
                                       {"refused", refused}});
  }
}

}  // namespace byon
