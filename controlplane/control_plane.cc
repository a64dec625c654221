#include "controlplane/control_plane.h"

#include <boost/asio/post.hpp>
#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>

#include "controlplane/api/asio_timers.h"
#include "controlplane/api/event_hub.h"
#include "controlplane/auth/software_isim.h"
#include "controlplane/gateway/asio_alarm.h"
#include "controlplane/http_client/curl_http_client.h"
#include "controlplane/push_parts.h"
#include "controlplane/room_settings.h"
#include "controlplane/sip/sip_stack.h"
#include "controlplane/store/memory_store.h"
#include "controlplane/store/sqlite_store.h"
#include "controlplane/web_sip/socket_router.h"

namespace byon {
namespace {

constexpr std::chrono::minutes kCounterInterval{1};

using Strand = boost::asio::strand<boost::asio::io_context::executor_type>;

// The subscribers file as the gateway and the SIP side know it.
class Subscribers final : public gateway::SubscriberDirectory,
                          public sip::CredentialSource,
                          public web_sip::WebPasswords {
 public:
  explicit Subscribers(runtime::SubscriberFile file) : file_(std::move(file)) {
    for (const auto& [impi, keys] : file_.isims()) isims_.emplace(impi, auth::SoftwareIsim(keys));
  }
  std::optional<gateway::Subscriber> Find(const std::string& phone_number) const override {
    const auto record = file_.Find(phone_number);
    if (!record) return std::nullopt;
    return gateway::Subscriber{record->impu, record->impi};
  }
  std::optional<std::string> Password(const std::string& impi) override { return file_.Password(impi); }
  std::optional<auth::AkaAnswer> Authenticate(const std::string& impi,
                                              const auth::AkaChallenge& challenge) override {
    const std::lock_guard lock(isims_mutex_);
    const auto isim = isims_.find(impi);
    return isim == isims_.end() ? std::nullopt
                                : std::optional(isim->second.Authenticate(challenge));
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
    return file_.WebPassword(number);
  }
  size_t size() const { return file_.size(); }

 private:
  const runtime::SubscriberFile file_;
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
    if (const auto* ended = std::get_if<gateway::RegistrationEnds>(&event)) {
      log_.Info("registration_ends", {{"registration", ended->registration_id}, {"why", ended->description}});
    }
    if (hub != nullptr) hub->OnEvent(device, event);
    if (web_sip != nullptr) web_sip->OnEvent(device, event);
    if (waker != nullptr) waker->OnEvent(device, event);
  }
  gateway::EventSink* hub = nullptr;
  gateway::EventSink* waker = nullptr;  // behind the hub: it asks who was told
  gateway::EventSink* web_sip = nullptr;  // where SIP over WebSocket is served

 private:
  void LogCall(const gateway::MediaSession& session) {
    log_.Info("call", {{"call", session.media_session_id},
                       {"status", ToString(session.status)},
                       {"direction", session.is_originating ? "out" : "in"},
                       {"from", session.originator_address},
                       {"to", session.receiver_address},
                       {"why", session.reason}});
  }

  runtime::Logger& log_;
};

runtime::SubscriberFile LoadSubscribers(const runtime::Config& config) {
  if (config.ims.subscribers_file.empty()) return runtime::SubscriberFile(SubscriberRule(config));
  auto loaded = runtime::SubscriberFile::Load(config.ims.subscribers_file, SubscriberRule(config));
  if (!loaded.mistakes.empty()) throw std::runtime_error(loaded.mistakes.front());
  return std::move(loaded.subscribers);
}

std::unique_ptr<store::Store> MakeStore(const runtime::Config& config, runtime::Logger& log) {
  if (!config.store.is_sqlite) return std::make_unique<store::MemoryStore>();
  store::SqliteStoreConfig settings;
  settings.path = config.store.path;
  settings.warn = [&log](const std::string& what) { log.Warning("store", {{"what", what}}); };
  return std::make_unique<store::SqliteStore>(std::move(settings));
}

}  // namespace

// In the order of making; unmade in reverse.
struct ControlPlane::Rooms {
  Rooms(const runtime::Config& config, const std::string& version, boost::asio::io_context& context,
        runtime::Logger& logger);

  std::string Unreadiness() const {
    if (!tokens.is_ready()) return "keys of the identity provider";
    if (!media.is_ready()) return "dataplane";
    return "";
  }
  void OnTokenEvent(std::string_view event, const std::string& detail);
  // What clients did and what they were refused, each minute in which there was something.
  void LogWebSipCounters();

  boost::asio::io_context& io;
  runtime::Logger& log;
  Strand strand;
  std::function<void(std::function<void()>)> post;
  gateway::SystemClock clock;
  gateway::SystemIdSource ids;
  api::Clock now = [] { return std::chrono::system_clock::now(); };
  api::AsioTimers timers;
  std::unique_ptr<store::Store> store;
  Subscribers subscribers;
  EventRelay relay;
  sip::SipStack sip;
  media::DataplaneClient media;
  gateway::AsioAlarm alarm;
  gateway::Gateway gateway;
  http_client::CurlHttpClient http_client;
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
  std::unique_ptr<http::HttpServer> http;
};

ControlPlane::Rooms::Rooms(const runtime::Config& config, const std::string& version,
                           boost::asio::io_context& context, runtime::Logger& logger)
    : io(context),
      log(logger),
      strand(boost::asio::make_strand(context)),
      post([this](std::function<void()> task) { boost::asio::post(strand, std::move(task)); }),
      timers(strand),
      store(MakeStore(config, logger)),
      subscribers(LoadSubscribers(config)),
      relay(logger),
      sip(SipSettings(config), post, &subscribers),
      media(MediaSettings(config), post),
      alarm(strand),
      gateway(GatewaySettings(config), {sip.signaling(), sip.registrar(), media, *store, subscribers, relay,
                                        clock, ids, alarm}),
      http_client(strand),
      tokens(TokenSettings(config), http_client, now, timers),
      events(config.http.public_url + config.http.api_root, config.ims.home_domain, now,
             [this] { return ids.NewId(); }),
      subscriptions(SubscriptionSettings(config),
                    {http_client, timers, *store, events, now, [this] { return ids.NewId(); },
                     [this](std::string_view event, std::string detail) {
                       log.Warning(event, {{"detail", detail}});
                     }}),
      channels(ChannelSettings(config), {*store, now, [this] { return ids.NewId(); }}),
      hub(events, subscriptions, channels),
      push_parts(MakePush(config, http_client, now)),
      waker(WakerSettings(config), std::move(push_parts.providers),
            {gateway, timers, now, [this] { return ids.NewId(); },
             [this](const gateway::DeviceKey& device) { return channels.IsConnected(device); },
             [this](const gateway::DeviceKey& device, push::WallTime then) { return channels.IsSilentSince(device, then); },
             [this](std::string_view event, std::string detail) {
               event == "push" ? log.Info(event, {{"detail", detail}}) : log.Warning(event, {{"detail", detail}});
             }}),
      application(ApiSettings(config, version, push_parts.api),
                  {gateway, tokens, subscriptions, channels, events, timers, now,
                   [this] { return ids.NewId(); }, [this] { return Unreadiness(); },
                   [this](const api::HttpRequest& request, int status, const std::string& correlator) {
                     log.Info("request", {{"method", request.method}, {"path", request.path}, {"status", status},
                                          {"correlator", correlator}, {"peer", request.remote_address}});
                   }}) {
  tokens.set_observer([this](std::string_view event, std::string detail) { OnTokenEvent(event, detail); });
  subscriptions.Restore();
  channels.Restore();
  relay.hub = &hub;
  relay.waker = &waker;
  if (config.web_sip.is_enabled) {
    web_sip = std::make_unique<web_sip::WebSip>(
        WebSipSettings(config),
        web_sip::WebSipPorts{gateway, tokens, subscribers, timers, now, [this] { return ids.NewId(); },
                             [this](std::string_view event, std::string detail) {
                               log.Info(event, {{"detail", detail}});
                             }});
    relay.web_sip = web_sip.get();
    counter_timer = timers.After(kCounterInterval, [this] { LogWebSipCounters(); });
  }
  router = std::make_unique<web_sip::SocketRouter>(application, web_sip.get());
  if (const auto error = sip.Start(&gateway, &gateway)) throw std::runtime_error(*error);
  media.Start(gateway);
  // On the strand, so that no outcome of SIP or media comes in between.
  post([this] {
    gateway.Restore();
    tokens.Start();
  });
  http = std::make_unique<http::HttpServer>(HttpSettings(config), *router, strand);
  log.Info("subscribers", {{"listed", subscribers.size()}});
}

void ControlPlane::Rooms::LogWebSipCounters() {
  const std::string changes = web_sip->TakeCounterChanges();
  if (!changes.empty()) {
    log.Info("sip_websocket", {{"lines", web_sip->lines()}, {"calls", web_sip->calls()}, {"counters", changes}});
  }
  counter_timer = timers.After(kCounterInterval, [this] { LogWebSipCounters(); });
}

void ControlPlane::Rooms::OnTokenEvent(std::string_view event, const std::string& detail) {
  if (event == "token_refused" || event == "keys_fetched") {
    log.Info(event, {{"detail", detail}});
  } else {
    log.Warning(event, {{"detail", detail}});
  }
}

ControlPlane::ControlPlane(const runtime::Config& config, const std::string& version,
                           boost::asio::io_context& context, runtime::Logger& log)
    : rooms_(std::make_unique<Rooms>(config, version, context, log)) {}

ControlPlane::~ControlPlane() {
  // First nobody asks any more, then nobody answers; what was decided until then is safe in the store.
  rooms_->http->Stop();
  rooms_->sip.Stop();
  rooms_->media.Stop();
  // Farewells that are waiting on the strand still need the rooms.
  rooms_->io.restart();
  rooms_->io.poll();
  rooms_->store->Flush();
}

unsigned ControlPlane::http_port() const { return rooms_->http->port(); }

void ControlPlane::EndService() { rooms_->gateway.EndService("The service has ended."); }

}  // namespace byon
