#include "dataplane/rpc/rpc_server.h"

#include <grpcpp/ext/health_check_service_server_builder_option.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>

#include "dataplane/rpc/media_control_service.h"

namespace byon::rpc {
namespace {

using namespace std::chrono_literals;

constexpr char kServiceName[] = "byon.media.v1.MediaControl";
constexpr auto kHousekeepingInterval = 1s;
constexpr int kHeartbeatEvery = 5;  // housekeepings
constexpr auto kBusyPoll = 200us;   // a command waits for its reply
constexpr auto kIdlePoll = 2ms;
constexpr int kMaxMessageBytes = 256 * 1024;
constexpr int kMaxThreads = 256;  // each event stream holds one

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

base::Result<std::shared_ptr<grpc::ServerCredentials>, std::string> MakeCredentials(
    const std::optional<TlsFiles>& tls) {
  if (!tls) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  const auto ca = ReadFile(tls->ca), cert = ReadFile(tls->cert), key = ReadFile(tls->key);
  for (const auto& [content, path] :
       {std::pair(&ca, tls->ca), std::pair(&cert, tls->cert), std::pair(&key, tls->key)}) {
    if (!*content) return "control.tls: the file " + path + " cannot be read";
  }
  options.pem_root_certs = *ca;
  options.pem_key_cert_pairs.push_back({*key, *cert});
  return grpc::SslServerCredentials(options);
}

}  // namespace

class RpcServer::Running {
 public:
  Running(RpcConfig config, const std::vector<worker::WorkerMailbox*>& mailboxes)
      : service_(config, mailboxes), config_(std::move(config)) {}

  // The error's sentence, empty when all went well.
  std::string Start() {
    auto credentials = MakeCredentials(config_.tls);
    if (!credentials) return credentials.error();
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    grpc::ResourceQuota quota;
    quota.SetMaxThreads(kMaxThreads);
    builder.SetResourceQuota(quota);
    builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
    // Only one process may listen: gRPC would share the port with another one silently.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    // Controllers ping to notice a dead path early.
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
    builder.AddListeningPort(config_.listen, *credentials, &bound_port_);
    builder.RegisterService(&service_);
    service_.SetOnDraining([this] { ShowServing(); });
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || bound_port_ == 0) {
      return "control.listen is " + config_.listen + ", where this process cannot listen";
    }
    if (config_.listen.starts_with("unix:")) bound_port_ = 0;
    {
      // Requests are served already.
      const std::lock_guard lock(health_mutex_);
      health_ = server_->GetHealthCheckService();
    }
    ShowServing();
    thread_ = std::thread([this] { Run(); });
    return "";
  }

  ~Running() {
    if (server_ != nullptr) {
      service_.SetDraining(true);
      service_.CloseAll(proto::SessionClosed::BY_SHUTDOWN);
      for (const auto end = Clock::now() + 1s; service_.session_count() > 0 && Clock::now() < end;) {
        std::this_thread::sleep_for(kIdlePoll);
      }
      service_.Shutdown();
      server_->Shutdown(std::chrono::system_clock::now() + 1s);
    }
    must_stop_ = true;
    if (thread_.joinable()) thread_.join();
  }

  void BeginDraining() { service_.SetDraining(true); }
  size_t session_count() const { return service_.session_count(); }
  int bound_port() const { return bound_port_; }

 private:
  void ShowServing() {
    const std::lock_guard lock(health_mutex_);
    if (health_ == nullptr) return;
    const bool is_serving = !service_.is_draining();
    health_->SetServingStatus(kServiceName, is_serving);
    health_->SetServingStatus("", is_serving);
  }

  void Run() {
    auto next_housekeeping = Clock::now() + kHousekeepingInterval;
    int housekeepings = 0;
    while (!must_stop_) {
      const bool was_busy = service_.ServeReports();
      if (Clock::now() >= next_housekeeping) {
        next_housekeeping += kHousekeepingInterval;
        service_.Housekeep(++housekeepings % kHeartbeatEvery == 0);
      }
      if (was_busy) continue;
      if (service_.has_outstanding()) {
        std::this_thread::sleep_for(kBusyPoll);
      } else {
        std::this_thread::sleep_for(kIdlePoll);
      }
    }
  }

  MediaControlService service_;
  const RpcConfig config_;
  std::unique_ptr<grpc::Server> server_;
  std::mutex health_mutex_;
  grpc::HealthCheckServiceInterface* health_ = nullptr;  // the server's, once it has started
  int bound_port_ = 0;
  std::atomic<bool> must_stop_{false};
  std::thread thread_;
};

RpcServer::RpcServer(std::unique_ptr<Running> running) : running_(std::move(running)) {}
RpcServer::~RpcServer() = default;

base::Result<std::unique_ptr<RpcServer>, std::string> RpcServer::Start(
    RpcConfig config, const std::vector<worker::WorkerMailbox*>& mailboxes) {
  auto running = std::make_unique<Running>(std::move(config), mailboxes);
  if (std::string error = running->Start(); !error.empty()) return error;
  return std::unique_ptr<RpcServer>(new RpcServer(std::move(running)));
}

void RpcServer::BeginDraining() { running_->BeginDraining(); }
size_t RpcServer::session_count() const { return running_->session_count(); }
int RpcServer::bound_port() const { return running_->bound_port(); }

}  // namespace byon::rpc
