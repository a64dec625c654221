#include "controlplane/control_plane.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <set>
#include <stdexcept>
#include <vector>

#include "controlplane/api/asio_timers.h"
#include "controlplane/gateway/runtime_ports.h"
#include "controlplane/metrics/metrics_server.h"
#include "controlplane/operator_rooms.h"
#include "controlplane/operators/operator_dispatcher.h"
#include "controlplane/room_settings.h"
#include "controlplane/store/memory_store.h"
#include "controlplane/store/scoped_store.h"
#include "controlplane/store/sqlite_store.h"

namespace byon {
namespace {

std::unique_ptr<store::Store> MakeStore(const runtime::Config& config, runtime::Logger& log) {
  if (!config.store.is_sqlite) return std::make_unique<store::MemoryStore>();
  store::SqliteStoreConfig settings;
  settings.path = config.store.path;
  settings.warn = [&log](const std::string& what) { log.Warning("store", {{"what", what}}); };
  return std::make_unique<store::SqliteStore>(std::move(settings));
}

// Records of operators that the configuration does not have any more: nobody could serve them. Their calls end
// with the dataplanes' lease, their bindings in the network when they expire.
void ForgetOldOperators(store::Store& store, const std::vector<runtime::OperatorConfig>& operators,
                        runtime::Logger& log) {
  std::set<std::string> kept;
  for (const runtime::OperatorConfig& one : operators) kept.insert(StoreScopeOf(one.id));
  for (const auto& [scope, removed] : store::RemoveOtherScopes(store, kept)) {
    const auto count = [&removed = removed](store::Kind kind) {
      const auto it = removed.find(kind);
      return it == removed.end() ? 0 : it->second;
    };
    log.Warning("operator_removed", {{"operator", scope.empty() ? runtime::kDefaultOperator : scope},
                                     {"registrations", count(store::Kind::kRegistration)},
                                     {"calls", count(store::Kind::kCall)},
                                     {"subscriptions", count(store::Kind::kSubscription)}});
  }
}

}  // namespace

// In the order of making; unmade in reverse.
struct ControlPlane::Rooms {
  Rooms(const runtime::LoadedConfig& loaded, const std::string& version, boost::asio::io_context& context,
        runtime::Logger& logger);

  boost::asio::io_context& io;
  runtime::Logger& log;
  boost::asio::strand<boost::asio::io_context::executor_type> strand;
  gateway::SystemIdSource ids;
  api::AsioTimers timers;
  std::unique_ptr<store::Store> store;
  std::vector<std::unique_ptr<OperatorRooms>> served;
  std::unique_ptr<operators::OperatorDispatcher> dispatcher;
  std::unique_ptr<http::HttpServer> http;
  const std::string version;
  std::unique_ptr<metrics::MetricsServer> metrics;  // null: not served

  void CollectMetrics(std::function<void(std::string)> done) const;
};

ControlPlane::Rooms::Rooms(const runtime::LoadedConfig& loaded, const std::string& program_version,
                           boost::asio::io_context& context, runtime::Logger& logger)
    : io(context),
      log(logger),
      strand(boost::asio::make_strand(context)),
      timers(strand),
      store(MakeStore(loaded.config, logger)),
      version(program_version) {
  ForgetOldOperators(*store, loaded.operators, log);
  const bool has_list = loaded.operators.size() > 1 || loaded.operators.front().id != runtime::kDefaultOperator;
  const SharedRooms shared{strand, *store, log, version, !has_list};
  std::vector<operators::OperatorDoor> doors;
  for (const runtime::OperatorConfig& one : loaded.operators) {
    served.push_back(std::make_unique<OperatorRooms>(one, shared));
    OperatorRooms& rooms = *served.back();
    doors.push_back({rooms.application(), [&rooms] { return rooms.Unreadiness(); }});
    // On the strand, so that no outcome of SIP or media comes in between.
    boost::asio::post(strand, [&rooms] { rooms.Start(); });
  }
  dispatcher = std::make_unique<operators::OperatorDispatcher>(
      operators::OperatorDirectory(DirectorySettings(loaded.operators)), std::move(doors), loaded.config.http.api_root,
      operators::OperatorDispatcher::Ports{timers, [this] { return ids.NewId(); }});
  http::HttpServerConfig http_settings = HttpSettings(loaded);
  http_settings.report = [this](bool is_fault, const std::string& what) {
    log.Write(is_fault ? runtime::LogLevel::kWarning : runtime::LogLevel::kInfo, "tls_certificate", {{"what", what}});
  };
  http = std::make_unique<http::HttpServer>(std::move(http_settings), *dispatcher, strand);
  if (const auto& at = loaded.config.metrics) {
    metrics = std::make_unique<metrics::MetricsServer>(
        strand, at->address, at->port,
        [this](std::function<void(std::string)> done) { CollectMetrics(std::move(done)); });
  }
}

void ControlPlane::Rooms::CollectMetrics(std::function<void(std::string)> done) const {
  struct Collection {
    metrics::MetricSet set;
    size_t missing = 0;
    std::function<void(std::string)> done;
  };
  auto collection = std::make_shared<Collection>();
  collection->missing = served.size();
  collection->done = std::move(done);
  metrics::MetricSet& set = collection->set;
  set.Gauge("byon_build_info", "The program; always 1.", {{"version", version}}, 1);
  const http::HttpFigures figures = http->figures();
  set.Gauge("byon_http_connections", "Connections open, WebSockets included.", {},
            static_cast<double>(figures.connections));
  set.Gauge("byon_http_web_sockets", "WebSockets open.", {}, static_cast<double>(figures.web_sockets));
  set.Counter("byon_http_requests", "HTTP requests, those for files and the refused included.", {}, figures.requests);
  set.Counter("byon_http_rate_limited", "Requests and WebSockets over the limits of an address.", {},
              figures.rate_limited);
  set.Counter("byon_http_refused_connections", "Connections over the limits of connections.", {},
              figures.refused_connections);
  set.Counter("byon_http_refused_bodies", "Requests whose body found no room in memory.", {}, figures.refused_bodies);
  for (const auto& one : figures.certificates) {
    set.Gauge("byon_http_certificate_expiry_seconds", "When a certificate of http.tls ends, in seconds since 1970.",
              {{"file", one.file}}, static_cast<double>(one.not_after));
  }
  for (const auto& one : served) {
    one->CollectMetrics(set, [collection] {
      if (--collection->missing == 0) collection->done(collection->set.ToOpenMetrics());
    });
  }
}

ControlPlane::ControlPlane(const runtime::LoadedConfig& loaded, const std::string& version,
                           boost::asio::io_context& context, runtime::Logger& log)
    : rooms_(std::make_unique<Rooms>(loaded, version, context, log)) {}

ControlPlane::~ControlPlane() {
  // First nobody asks any more, then nobody answers; what was decided until then is safe in the store.
  rooms_->metrics.reset();
  rooms_->http->Stop();
  for (const auto& one : rooms_->served) one->Stop();
  // Farewells that are waiting on the strand still need the rooms.
  rooms_->io.restart();
  rooms_->io.poll();
  for (const auto& one : rooms_->served) one->LogTotals();
  rooms_->store->Flush();
}

unsigned ControlPlane::http_port() const { return rooms_->http->port(); }
unsigned ControlPlane::metrics_port() const { return rooms_->metrics ? rooms_->metrics->port() : 0; }

void ControlPlane::HandOver() {
  for (const auto& one : rooms_->served) one->HandOver();
}

void ControlPlane::EndService() {
  for (const auto& one : rooms_->served) one->EndService("The service has ended.");
}

bool ControlPlane::HasEnded() const {
  return std::all_of(rooms_->served.begin(), rooms_->served.end(), [](const auto& one) { return one->HasEnded(); });
}

}  // namespace byon
