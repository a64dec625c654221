#include "controlplane/http/http_server.h"

#include <libwebsockets.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <future>
#include <stdexcept>
#include <thread>
#include <unordered_map>
#include <utility>

#include "controlplane/http/body_budget.h"
#include "controlplane/http/connection_table.h"
#include "controlplane/http/event_loop.h"
#include "controlplane/http/exchange.h"
#include "controlplane/http/forwarding.h"
#include "controlplane/http/library_context.h"
#include "controlplane/http/outbox.h"
#include "controlplane/http/rate_limiter.h"
#include "controlplane/http/request_framing.h"
#include "controlplane/http/request_line_guard.h"
#include "controlplane/http/request_reader.h"
#include "controlplane/http/response_writer.h"
#include "controlplane/http/sites.h"
#include "controlplane/http/static_files.h"
#include "controlplane/http/web_sockets.h"

namespace byon::http {
namespace {

// The library copies the list of subprotocols into so many bytes and drops the connection when it is longer.
constexpr int kProtocolListBytes = 127;
constexpr auto kGoodbye = std::chrono::milliseconds(300);

// What the library keeps for us with each connection; zeroed by it.
struct PerConnection {
  Exchange* exchange;
  Socket* socket;
};

}  // namespace

class HttpServer::Service {
 public:
  Service(HttpServerConfig config, api::HttpApplication& application, boost::asio::any_io_executor strand)
      : config_(std::move(config)),
        application_(application),
        strand_(std::move(strand)),
        files_(config_.web_dir.empty() ? StaticFiles::Embedded() : StaticFiles::FromFolder(config_.web_dir)),
        sites_(config_),
        limiter_(config_.requests_per_second_per_address),
        body_budget_(std::make_shared<BodyBudget>(config_.bodies_bytes, config_.bodies_bytes_per_address)),
        certificates_(config_.tls, config_.report),
        loop_([this] {
          sockets_.Turn(std::chrono::steady_clock::now());
          // The library looks at its time-outs with events of its own only; who is held by a guard makes none.
          lws_cancel_service(context_->get());
          RefreshCertificates();
        }),
        sockets_({config_.websocket_message_bytes, config_.websocket_queue_bytes, config_.ping, config_.hang_up},
                 application_, strand_),
        connections_(config_) {
    WarnOfHostsWithoutCertificate();
    Open();
    thread_ = std::thread([this] { Run(); });
  }
  ~Service() { Stop(); }

  uint16_t port() const { return context_->port(); }

  HttpFigures figures() const {
    return {counts_.connections,         counts_.web_sockets,    counts_.requests,       counts_.rate_limited,
            counts_.refused_connections, counts_.refused_bodies, certificates_.figures()};
  }

  void Stop() {
    if (is_stopping_.exchange(true)) return;
    // The thread says good-bye to the WebSockets; who does not answer in time is cut off.
    const auto deadline = std::chrono::steady_clock::now() + kGoodbye;
    do {
      lws_cancel_service(context_->get());
    } while (finished_.wait_for(std::chrono::milliseconds(10)) != std::future_status::ready &&
             std::chrono::steady_clock::now() < deadline);
    is_cut_off_ = true;
    lws_cancel_service(context_->get());
    thread_.join();
    outbox_->Close();
    sockets_.EndAll();
    // What the library still holds is closed with the context.
    context_->Close();
  }

 private:
  static int Callback(lws* connection, lws_callback_reasons reason, void* user, void* in, size_t size) {
    if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS) {
      // A connection that says nothing gives OpenSSL's record buffers back, 34 KB each.
      SSL_CTX_set_mode(static_cast<SSL_CTX*>(user), SSL_MODE_RELEASE_BUFFERS);
    }
    lws_context* context = lws_get_context(connection);
    auto* self = context == nullptr ? nullptr : static_cast<Service*>(lws_context_user(context));
    if (self == nullptr) return 0;
    if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS) {
      self->certificates_.ServeTo(static_cast<SSL_CTX*>(user));
      return 0;
    }
    return self->Handle(connection, reason, static_cast<PerConnection*>(user), in, size);
  }

  void Open() {
    context_ = std::make_unique<LibraryContext>(config_, loop_.get(), &Callback, sizeof(PerConnection), this);
    outbox_ = std::make_shared<Outbox>([context = context_->get()] { lws_cancel_service(context); });
  }

  bool has_tls() const { return !config_.tls.empty(); }

  void RefreshCertificates() {
    const auto now = std::chrono::steady_clock::now();
    if (!has_tls() || now - certificates_read_ < config_.tls_refresh) return;
    certificates_read_ = now;
    certificates_.Refresh();
  }

  // What an operator's users would stumble over.
  void WarnOfHostsWithoutCertificate() const {
    if (!has_tls()) return;
    for (const auto& [hosts, site] : config_.host_sites) {
      for (const std::string& host : hosts) {
        const std::string name = host.substr(0, host.find(':'));
        // Nobody asks for an address by SNI (RFC 6066 section 3).
        const bool is_name = !host.starts_with('[') && name.find_first_not_of("0123456789.") != name.npos;
        if (is_name && !certificates_.Names(name)) {
          config_.report(true, "http.tls: no certificate names " + name + ": browsers will refuse it.");
        }
      }
    }
  }

  void Run() {
    while (!(is_stopping_ && (sockets_.size() == 0 || is_cut_off_))) loop_.RunOnce();
    has_finished_.set_value();
  }

  int Handle(lws* connection, lws_callback_reasons reason, PerConnection* slot, void* in, size_t size) {
    switch (reason) {
      case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
        return AdmitConnection(static_cast<int>(reinterpret_cast<intptr_t>(in)));
      case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        ConnectionOf(connection).guard = std::make_unique<RequestLineGuard>(loop_.get(), connection, has_tls());
        return 0;
      case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return ConfirmUpgrade(connection);
      case LWS_CALLBACK_HTTP: return BeginExchange(connection, slot);
      case LWS_CALLBACK_HTTP_BODY: return TakeBody(slot, static_cast<const char*>(in), size);
      case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return slot != nullptr && slot->exchange != nullptr ? Dispatch(*slot->exchange) : 0;
      case LWS_CALLBACK_HTTP_WRITEABLE: return WriteResponse(connection, slot);
      case LWS_CALLBACK_CLOSED_HTTP:
        if (slot != nullptr) ForgetExchange(slot);
        return 0;
      case LWS_CALLBACK_WSI_CREATE: return 0;
      case LWS_CALLBACK_WSI_DESTROY: ForgetConnection(connection); return 0;
      case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: return AdmitWebSocket(connection);
      case LWS_CALLBACK_ESTABLISHED: return OpenSocket(connection, slot);
      case LWS_CALLBACK_RECEIVE:
        return slot != nullptr && slot->socket != nullptr
                   ? sockets_.TakeFragment(*slot->socket, static_cast<const char*>(in), size)
                   : 0;
      case LWS_CALLBACK_RECEIVE_PONG:
        if (slot != nullptr && slot->socket != nullptr) sockets_.Hear(*slot->socket);
        return 0;
      case LWS_CALLBACK_SERVER_WRITEABLE:
        return slot != nullptr && slot->socket != nullptr ? sockets_.Write(*slot->socket) : 0;
      case LWS_CALLBACK_CLOSED:
        if (slot != nullptr && slot->socket != nullptr) ForgetSocket(slot);
        return 0;
      case LWS_CALLBACK_EVENT_WAIT_CANCELLED: TakeOutbox(); return 0;
      default: return 0;
    }
  }

  // ---- connections

  int AdmitConnection(int socket) {
    const bool is_admitted = connections_.MayConnect(socket);
    if (!is_admitted) ++counts_.refused_connections;
    return is_admitted ? 0 : -1;
  }

  Connection& ConnectionOf(lws* connection) {
    Connection& known = connections_.Of(connection);
    counts_.connections = connections_.size();
    return known;
  }
  std::string NetworkOf(const std::string& address) const { return connections_.NetworkOf(address); }

  // Writes into the request who is behind the connection, and which host it asked for, where a trusted proxy says so.
  Client Identify(lws* connection, api::HttpRequest& request) {
    Client client = ClientOf(config_.proxies, ConnectionOf(connection).address, ReadForwarding(connection).view());
    request.remote_address = client.address;
    if (!client.host.empty()) request.headers["host"] = client.host;
    return client;
  }
  void ForgetConnection(lws* connection) {
    if (connections_.Forget(connection)) counts_.connections = connections_.size();
  }

  // ---- requests

  int BeginExchange(lws* connection, PerConnection* slot) {
    ForgetExchange(slot);
    ++counts_.requests;
    if (const auto& guard = ConnectionOf(connection).guard) guard->Pause();
    auto exchange = std::make_unique<Exchange>();
    exchange->id = ++last_id_;
    exchange->connection = connection;
    slot->exchange = exchange.get();
    Exchange& current = *exchange;
    exchanges_[current.id] = std::move(exchange);

    if (!IsRequestLineSound(connection)) {
      return Answer(
          current, ErrorResponse(400, "INVALID_ARGUMENT", "The path or query has a control character or a bad escape."),
          true);
    }
    std::optional<api::HttpRequest> request = ReadRequest(connection);
    if (!request) {
      return Answer(current, ErrorResponse(405, "METHOD_NOT_ALLOWED", "The method is not supported."), true);
    }
    current.request = std::move(*request);
    current.scheme = Identify(connection, current.request).scheme;
    const auto text = [&](const char* name) -> std::string_view {
      const std::string* value = current.request.Header(name);
      return value == nullptr ? std::string_view() : std::string_view(*value);
    };
    const auto framing =
        JudgeFraming(current.request.method, text("content-length"), text("transfer-encoding"), config_.body_bytes);
    if (const auto* fault = std::get_if<FramingFault>(&framing)) {
      return Answer(current, ErrorResponse(fault->http_status, "INVALID_ARGUMENT", fault->message), true);
    }
    if (!limiter_.TryTake(NetworkOf(current.request.remote_address), RateLimiter::Clock::now())) {
      ++counts_.rate_limited;
      api::HttpResponse response = ErrorResponse(429, "TOO_MANY_REQUESTS", "Rate limit reached.");
      response.headers.emplace_back("retry-after", "1");
      return Answer(current, std::move(response), std::get<BodyLength>(framing).bytes > 0);
    }
    current.body_bytes = std::get<BodyLength>(framing).bytes;
    if (current.body_bytes > 0) {
      current.body_share = std::make_shared<BodyShare>(body_budget_, NetworkOf(current.request.remote_address));
    }
    current.closes_connection = std::get<BodyLength>(framing).must_close;
    current.body_deadline = std::chrono::steady_clock::now() + config_.body_timeout;
    return current.body_bytes == 0 ? Dispatch(current) : 0;
  }

  int TakeBody(PerConnection* slot, const char* data, size_t size) {
    if (slot == nullptr || slot->exchange == nullptr || slot->exchange->is_dispatched || size == 0) return 0;
    // The library's own timeout begins anew with each byte.
    if (std::chrono::steady_clock::now() > slot->exchange->body_deadline) return -1;
    std::string& body = slot->exchange->request.body;
    if (body.size() + size > slot->exchange->body_bytes) return -1;
    const BodyBudget::Verdict verdict = slot->exchange->body_share->Take(size);
    if (verdict != BodyBudget::Verdict::kTaken) return RefuseBody(*slot->exchange, verdict);
    body.append(data, size);
    return 0;
  }

  int RefuseBody(Exchange& exchange, BodyBudget::Verdict verdict) {
    ++counts_.refused_bodies;
    std::string().swap(exchange.request.body);
    exchange.body_share.reset();
    api::HttpResponse response =
        verdict == BodyBudget::Verdict::kNetworkIsFull
            ? ErrorResponse(429, "TOO_MANY_REQUESTS", "Too many request bodies from here are waiting.")
            : ErrorResponse(503, "UNAVAILABLE", "Too many request bodies are waiting.");
    response.headers.emplace_back("retry-after", "1");
    return Answer(exchange, std::move(response), true);
  }

  int Dispatch(Exchange& exchange) {
    if (exchange.is_dispatched) return 0;
    exchange.is_dispatched = true;
    lws_set_timeout(exchange.connection, NO_PENDING_TIMEOUT, 0);
    const std::string* origin = exchange.request.Header("origin");
    if (exchange.request.method == "OPTIONS") {
      return Answer(exchange, {204, sites_.Of(exchange.request).origins.PreflightHeaders(origin ? *origin : ""), {}},
                    false);
    }
    if (exchange.request.method == "GET" || exchange.request.method == "HEAD") {
      if (const StaticFile* file = files_.Find(exchange.request.path)) {
        return Answer(exchange, FileResponse(exchange.request, *file), false);
      }
    }
    // The headers stay, for the answer; the body goes with its share.
    std::string body = std::exchange(exchange.request.body, {});
    auto request = std::make_shared<api::HttpRequest>(exchange.request);
    request->body = std::move(body);
    auto share = std::exchange(exchange.body_share, nullptr);
    boost::asio::post(
        strand_, [&application = application_, outbox = outbox_, id = exchange.id, request, share = std::move(share)] {
          application.HandleRequest(std::move(*request), [outbox, id, share](api::HttpResponse response) {
            outbox->Push({id, SendResponse{std::move(response)}});
          });
        });
    return 0;
  }

  api::HttpResponse FileResponse(const api::HttpRequest& request, const StaticFile& file) const {
    api::HttpResponse response;
    response.headers = {{"content-type", file.media_type}, {"etag", file.etag}, {"cache-control", "no-cache"}};
    sites_.Of(request).security.AddToFile(response);
    const std::string* known = request.Header("if-none-match");
    if (known != nullptr && *known == file.etag) {
      response.status = 304;
    } else {
      response.body = file.content;
    }
    return response;
  }

  int Answer(Exchange& exchange, api::HttpResponse response, bool closes_connection) {
    exchange.is_dispatched = true;
    const SiteRules& rules = sites_.Of(exchange.request);
    rules.security.AddToAll(response, exchange.scheme);
    if (exchange.request.method != "OPTIONS") {
      const std::string* origin = exchange.request.Header("origin");
      for (auto& header : rules.origins.AnswerHeaders(origin ? *origin : "")) {
        response.headers.push_back(std::move(header));
      }
    }
    exchange.writer = std::make_unique<ResponseWriter>(std::move(response), exchange.request.method == "HEAD",
                                                       closes_connection || exchange.closes_connection);
    // A reader that takes its answer too slowly is cut off: the clock is not set back by what it has read.
    exchange.write_deadline = std::chrono::steady_clock::now() + config_.body_timeout;
    lws_set_timeout(exchange.connection, PENDING_TIMEOUT_HTTP_CONTENT, static_cast<int>(config_.body_timeout.count()));
    lws_callback_on_writable(exchange.connection);
    return 0;
  }

  int WriteResponse(lws* connection, PerConnection* slot) {
    if (slot == nullptr || slot->exchange == nullptr || !slot->exchange->writer) return 0;
    ResponseWriter& writer = *slot->exchange->writer;
    if (std::chrono::steady_clock::now() > slot->exchange->write_deadline) return -1;
    switch (writer.Write(connection)) {
      case ResponseWriter::Progress::kMore: lws_callback_on_writable(connection); return 0;
      case ResponseWriter::Progress::kFailed: return -1;
      case ResponseWriter::Progress::kDone: break;
    }
    const bool closes = writer.closes_connection();
    ForgetExchange(slot);
    // If the next request is here already, its begin pauses the guard again; the slot is gone after this.
    if (const auto& guard = ConnectionOf(connection).guard; guard && !closes) guard->Resume();
    return lws_http_transaction_completed(connection) != 0 || closes ? -1 : 0;
  }

  void ForgetExchange(PerConnection* slot) {
    if (slot->exchange == nullptr) return;
    exchanges_.erase(std::exchange(slot->exchange, nullptr)->id);
  }

  // ---- WebSockets

  static bool IsWebSocketUpgrade(lws* connection) {
    char upgrade[16] = "";
    return lws_hdr_copy(connection, upgrade, sizeof upgrade, WSI_TOKEN_UPGRADE) > 0 &&
           strcasecmp(upgrade, "websocket") == 0;
  }

  int ConfirmUpgrade(lws* connection) {
    if (!IsWebSocketUpgrade(connection)) return -1;
    if (lws_hdr_total_length(connection, WSI_TOKEN_PROTOCOL) < kProtocolListBytes) return 0;
    lws_return_http_status(connection, 431, nullptr);
    return -1;
  }

  int AdmitWebSocket(lws* connection) {
    std::optional<api::HttpRequest> request = ReadRequest(connection);
    if (!request || !IsRequestLineSound(connection)) return -1;
    const Client client = Identify(connection, *request);
    const std::string* origin = request->Header("origin");
    const std::string* host = request->Header("host");
    const lws_protocols* protocol = lws_get_protocol(connection);
    if (protocol != nullptr && protocol->name != nullptr) request->subprotocol = protocol->name;
    const auto& served = config_.subprotocols;
    const bool is_served = std::find(served.begin(), served.end(), request->subprotocol) != served.end();
    if (!is_served ||
        !sites_.Of(*request).origins.MayOpenWebSocket(origin ? *origin : "", host ? *host : "", client.scheme)) {
      lws_return_http_status(connection, is_served ? 403 : 400, nullptr);
      return -1;
    }
    const bool has_too_many =
        client.is_forwarded && connections_.OpenFrom(client.address) >= config_.connections_per_address;
    if (has_too_many || !limiter_.TryTake(NetworkOf(client.address), RateLimiter::Clock::now())) {
      ++counts_.rate_limited;
      lws_return_http_status(connection, 429, nullptr);
      return -1;
    }
    pending_upgrade_ = {connection, *request};
    return 0;
  }

  int OpenSocket(lws* connection, PerConnection* slot) {
    if (pending_upgrade_.first != connection) return -1;
    api::HttpRequest request = std::move(pending_upgrade_.second);
    pending_upgrade_ = {};
    ConnectionOf(connection).guard.reset();
    connections_.AssignTo(request.remote_address, connection);
    ++counts_.web_sockets;
    slot->socket = sockets_.Open(++last_id_, connection, std::move(request), outbox_);
    return 0;
  }

  void ForgetSocket(PerConnection* slot) {
    sockets_.Forget(*std::exchange(slot->socket, nullptr));
    --counts_.web_sockets;
  }

  // ---- from other threads

  void TakeOutbox() {
    for (Outgoing& outgoing : outbox_->TakeAll()) {
      if (auto* response = std::get_if<SendResponse>(&outgoing.what)) {
        const auto it = exchanges_.find(outgoing.id);
        if (it != exchanges_.end()) Answer(*it->second, std::move(response->response), false);
        continue;
      }
      sockets_.TakeOutgoing(std::move(outgoing));
    }
    if (is_stopping_) sockets_.SayGoodbye();
  }

  const HttpServerConfig config_;
  api::HttpApplication& application_;
  const boost::asio::any_io_executor strand_;
  const StaticFiles files_;
  const Sites sites_;
  RateLimiter limiter_;
  const std::shared_ptr<BodyBudget> body_budget_;
  TlsCertificates certificates_;
  std::chrono::steady_clock::time_point certificates_read_ = std::chrono::steady_clock::now();

  EventLoop loop_;
  std::unique_ptr<LibraryContext> context_;
  std::shared_ptr<Outbox> outbox_;
  std::atomic<bool> is_stopping_{false};
  std::atomic<bool> is_cut_off_{false};
  std::promise<void> has_finished_;
  std::future<void> finished_ = has_finished_.get_future();
  std::thread thread_;
  // Written by the server's thread, read by any.
  struct {
    std::atomic<uint64_t> connections{0}, web_sockets{0}, requests{0}, rate_limited{0}, refused_connections{0},
        refused_bodies{0};
  } counts_;

  // The server's thread only.
  ExchangeId last_id_ = 0;
  std::unordered_map<ExchangeId, std::unique_ptr<Exchange>> exchanges_;
  WebSockets sockets_;
  ConnectionTable connections_;
  std::pair<lws*, api::HttpRequest> pending_upgrade_{};
};

HttpServer::HttpServer(HttpServerConfig config, api::HttpApplication& application, boost::asio::any_io_executor strand)
    : service_(std::make_unique<Service>(std::move(config), application, std::move(strand))) {}
HttpServer::~HttpServer() = default;
uint16_t HttpServer::port() const { return service_->port(); }
HttpFigures HttpServer::figures() const { return service_->figures(); }
void HttpServer::Stop() { service_->Stop(); }

}  // namespace byon::http
