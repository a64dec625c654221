#include "controlplane/http/lws_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cstring>
#include <stdexcept>

namespace byon::http {
namespace {

using std::chrono::steady_clock;

constexpr auto kFarewell = std::chrono::milliseconds(500);  // for close frames at the end
constexpr int kCloseTimeout = 5;                            // s, for a peer that does not read
// libwebsockets 4.1 copies the list of subprotocols into 128 bytes and drops the connection if it is longer.
constexpr int kMaxProtocolList = 126;

// libwebsockets reports through one global function; it is only heard while a server starts.
std::string& StartupTrouble() {
  static std::string text;
  return text;
}
void HearTrouble(int, const char* line) {
  if (StartupTrouble().size() < 1000) StartupTrouble() += line;
}

std::string AddressOf(int descriptor) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  char text[INET6_ADDRSTRLEN] = "";
  if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return "";
  if (storage.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(&storage)->sin_addr, text, sizeof text);
  } else if (storage.ss_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<sockaddr_in6*>(&storage)->sin6_addr, text, sizeof text);
  }
  const std::string address = text;
  return address.starts_with("::ffff:") ? address.substr(7) : address;
}

}  // namespace

// The application's handle on one WebSocket; any thread.
class LwsServer::Session final : public api::WebSocketSession {
 public:
  Session(LwsServer& server, uint64_t id) : server_(server), inbox_(server.inbox_), id_(id) {}
  void Send(std::string text) override {
    inbox_->Post([&server = server_, id = id_, text = std::move(text)]() mutable { server.SendOn(id, std::move(text)); });
  }
  void Close(uint16_t code, std::string reason) override {
    inbox_->Post([&server = server_, id = id_, code, reason = std::move(reason)]() mutable {
      server.CloseOn(id, code, std::move(reason));
    });
  }

 private:
  LwsServer& server_;  // only used by tasks, which the server itself runs
  const std::shared_ptr<Inbox> inbox_;
  const uint64_t id_;
};

void LwsServer::Inbox::Post(std::function<void()> task) {
  const std::lock_guard lock(mutex);
  if (context == nullptr) return;
  tasks.push_back(std::move(task));
  // The one call that libwebsockets allows from another thread.
  lws_cancel_service(context);
}

LwsServer::LwsServer(HttpServerConfig config, StaticFiles files, api::HttpApplication& application,
                     boost::asio::any_io_executor strand)
    : config_(std::move(config)),
      files_(std::move(files)),
      application_(application),
      strand_(std::move(strand)),
      per_address_rate_(config_.requests_per_second_per_address) {
  CreateContext();
  thread_ = std::thread([this] {
    while (!is_stopping_ && lws_service(context_, 0) >= 0) {
    }
    for (auto& [wsi, connection] : connections_) {
      if (connection->is_websocket) Close(*connection, 1001, "server stops");
    }
    const auto until = steady_clock::now() + kFarewell;
    const auto has_websockets = [this] {
      return std::any_of(connections_.begin(), connections_.end(),
                         [](const auto& item) { return item.second->is_websocket; });
    };
    while (has_websockets() && steady_clock::now() < until && lws_service(context_, 0) >= 0) {
    }
  });
}

LwsServer::~LwsServer() { Stop(); }

void LwsServer::Stop() {
  if (!thread_.joinable()) return;
  is_stopping_ = true;
  inbox_->Post([] {});
  thread_.join();
  {
    const std::lock_guard lock(inbox_->mutex);
    inbox_->context = nullptr;
    inbox_->tasks.clear();
  }
  lws_context_destroy(context_);
  context_ = nullptr;
}

void LwsServer::CreateContext() {
  protocols_[0] = {"http", &LwsServer::Callback, 0, 4096, 0, nullptr, 0};
  protocols_[1] = {config_.websocket_protocol.c_str(), &LwsServer::Callback, 0, 16384, 0, nullptr, 0};
  idle_policy_.secs_since_valid_ping = static_cast<uint16_t>(config_.websocket_ping.count());
  idle_policy_.secs_since_valid_hangup = static_cast<uint16_t>(config_.websocket_hangup.count());

  lws_context_creation_info info{};
  info.port = config_.port;
  const bool is_v6 = config_.address.find(':') != std::string::npos;
  const bool is_any = config_.address == "0.0.0.0" || config_.address == "::";
  info.iface = is_any ? nullptr : config_.address.c_str();
  info.protocols = protocols_;
  info.gid = static_cast<gid_t>(-1);
  info.uid = static_cast<uid_t>(-1);
  info.user = this;
  info.options = LWS_SERVER_OPTION_VALIDATE_UTF8;
  if (!is_v6) info.options |= LWS_SERVER_OPTION_DISABLE_IPV6;
  info.max_http_header_data = static_cast<unsigned short>(std::min<size_t>(config_.max_header_bytes, 65535));
  info.pt_serv_buf_size = 16384;
  info.timeout_secs = static_cast<unsigned>(config_.header_timeout.count());
  info.keepalive_timeout = static_cast<int>(config_.idle_timeout.count());
  info.retry_and_idle_policy = &idle_policy_;
  info.alpn = "http/1.1";  // custom headers are lost over HTTP/2
  if (!config_.certificate_file.empty()) {
    info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.ssl_cert_filepath = config_.certificate_file.c_str();
    info.ssl_private_key_filepath = config_.private_key_file.c_str();
    info.ssl_options_set = static_cast<long>(SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1);
  }
  StartupTrouble().clear();
  lws_set_log_level(LLL_ERR, HearTrouble);
  context_ = lws_create_context(&info);
  lws_set_log_level(0, HearTrouble);
  lws_vhost* vhost = context_ == nullptr ? nullptr : lws_get_vhost_by_name(context_, "default");
  const int port = vhost == nullptr ? -1 : lws_get_vhost_listen_port(vhost);
  if (port <= 0) {
    if (context_ != nullptr) lws_context_destroy(context_);
    std::string trouble = StartupTrouble();
    std::replace(trouble.begin(), trouble.end(), '\n', ' ');
    throw std::runtime_error("http.listen: cannot serve on " + config_.address + " port " +
                             std::to_string(config_.port) + ": " + trouble);
  }
  port_ = static_cast<uint16_t>(port);
  inbox_->context = context_;
}

HttpServerStats LwsServer::stats() const {
  return {refused_connections_, requests_, refused_requests_, websockets_, slow_readers_, open_};
}

int LwsServer::Callback(lws* wsi, lws_callback_reasons reason, void*, void* in, size_t length) {
  lws_context* context = lws_get_context(wsi);
  auto* server = context == nullptr ? nullptr : static_cast<LwsServer*>(lws_context_user(context));
  return server == nullptr ? 0 : server->OnCallback(wsi, reason, in, length);
}

int LwsServer::OnCallback(lws* wsi, lws_callback_reasons reason, void* in, size_t length) {
  LwsConnection* connection = nullptr;
  switch (reason) {
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
      RunTasks();
      return 0;
    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
      return MayConnect(static_cast<int>(reinterpret_cast<intptr_t>(in))) ? 0 : 1;
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
      OnConnected(wsi);
      return 0;
    case LWS_CALLBACK_WSI_DESTROY:
      OnDestroyed(wsi);
      return 0;
    default:
      connection = Of(wsi);
      if (connection == nullptr) return 0;
  }
  switch (reason) {
    case LWS_CALLBACK_HTTP: return OnRequest(*connection);
    case LWS_CALLBACK_HTTP_BODY: return OnBody(*connection, static_cast<const char*>(in), length);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION: return OnBodyEnd(*connection);
    case LWS_CALLBACK_HTTP_WRITEABLE: return OnWritable(*connection);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return OnUpgrade(*connection);
    case LWS_CALLBACK_ESTABLISHED: OnWebSocketOpen(*connection); return 0;
    case LWS_CALLBACK_RECEIVE: return OnWebSocketData(*connection, static_cast<const char*>(in), length);
    case LWS_CALLBACK_SERVER_WRITEABLE: return OnWebSocketWritable(*connection);
    case LWS_CALLBACK_CLOSED: OnWebSocketClosed(*connection); return 0;
    default: return 0;
  }
}

void LwsServer::RunTasks() {
  std::deque<std::function<void()>> tasks;
  {
    const std::lock_guard lock(inbox_->mutex);
    tasks.swap(inbox_->tasks);
  }
  for (const auto& task : tasks) task();
}

bool LwsServer::MayConnect(int descriptor) {
  const std::string address = AddressOf(descriptor);
  const auto it = per_address_.find(address);
  const size_t known = it == per_address_.end() ? 0 : it->second;
  if (!is_stopping_ && connections_.size() < config_.max_connections &&
      known < config_.max_connections_per_address) {
    return true;
  }
  ++refused_connections_;
  return false;
}

void LwsServer::OnConnected(lws* wsi) {
  auto connection = std::make_unique<LwsConnection>();
  connection->wsi = wsi;
  connection->id = ++last_id_;
  connection->address = AddressOf(lws_get_socket_fd(wsi));
  ++per_address_[connection->address];
  by_id_[connection->id] = connection.get();
  connections_[wsi] = std::move(connection);
  open_ = connections_.size();
}

void LwsServer::OnDestroyed(lws* wsi) {
  const auto it = connections_.find(wsi);
  if (it == connections_.end()) return;
  if (it->second->is_websocket) OnWebSocketClosed(*it->second);
  const auto address = per_address_.find(it->second->address);
  if (--address->second == 0) per_address_.erase(address);
  by_id_.erase(it->second->id);
  connections_.erase(it);
  open_ = connections_.size();
}

LwsConnection* LwsServer::Of(lws* wsi) {
  const auto it = connections_.find(wsi);
  return it == connections_.end() ? nullptr : it->second.get();
}

int LwsServer::OnRequest(LwsConnection& connection) {
  ++requests_;
  ++connection.request_number;
  connection.response.reset();
  connection.has_sent_headers = false;
  connection.body_sent = 0;
  connection.is_discarding_body = false;
  connection.must_close = false;
  auto request = ReadRequest(connection.wsi);
  if (!request) return -1;
  connection.request = std::move(*request);
  connection.request.remote_address = connection.address;
  const auto refuse = [&](int status, const char* code, const char* message) {
    ++refused_requests_;
    connection.is_discarding_body = true;
    Answer(connection, ServerError(status, code, message));
    return 0;
  };
  const BodyFraming framing =
      JudgeFraming(connection.request.method, ReadHeader(connection.wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH),
                   lws_hdr_total_length(connection.wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0,
                   config_.max_body_bytes);
  connection.must_close = framing.must_close;
  connection.body_length = framing.length;
  if (framing.refusal == 411) return refuse(411, "INVALID_ARGUMENT", "A Content-Length is required.");
  if (framing.refusal == 413) return refuse(413, "INVALID_ARGUMENT", "The request body is too large.");
  if (framing.refusal != 0) return refuse(400, "INVALID_ARGUMENT", "The request's framing is malformed.");
  if (!per_address_rate_.Take(connection.address, std::chrono::system_clock::now())) {
    connection.must_close = true;
    return refuse(429, "TOO_MANY_REQUESTS", "Rate limit reached.");
  }
  if (framing.length > 0) {
    connection.body_deadline = steady_clock::now() + config_.body_timeout;
    connection.request.body.reserve(framing.length);
    return 0;
  }
  if (!AnswerLocally(connection)) Forward(connection);
  return 0;
}

int LwsServer::OnBody(LwsConnection& connection, const char* data, size_t length) {
  if (connection.is_discarding_body) return 0;
  if (steady_clock::now() > connection.body_deadline) return -1;
  if (connection.request.body.size() + length > connection.body_length) return -1;
  connection.request.body.append(data, length);
  return 0;
}

int LwsServer::OnBodyEnd(LwsConnection& connection) {
  // With a length of zero the request was forwarded when its head was read.
  if (connection.is_discarding_body || connection.body_length == 0) return 0;
  if (connection.request.body.size() != connection.body_length) return -1;
  Forward(connection);
  return 0;
}

bool LwsServer::AnswerLocally(LwsConnection& connection) {
  const api::HttpRequest& request = connection.request;
  if (request.method == "OPTIONS") {
    Answer(connection, {204, {{"Allow", "GET, POST, PUT, DELETE, OPTIONS"}}, ""});
    return true;
  }
  if (request.method != "GET" && request.method != "HEAD") return false;
  const StaticFile* file = files_.Find(request.path);
  if (file == nullptr) return false;
  const std::string* known = request.Header("if-none-match");
  api::HttpResponse response{200, {{"Content-Type", file->content_type}, {"ETag", file->etag}, {"Cache-Control", "no-cache"}},
                             file->body};
  if (known != nullptr && *known == file->etag) {
    response.status = 304;
    response.body.clear();
  }
  Answer(connection, std::move(response), true);
  return true;
}

void LwsServer::Forward(LwsConnection& connection) {
  lws_set_timeout(connection.wsi, PENDING_TIMEOUT_HTTP_CONTENT, static_cast<int>(config_.answer_timeout.count()));
  boost::asio::post(strand_, [this, inbox = inbox_, id = connection.id, number = connection.request_number,
                              request = connection.request]() mutable {
    {
      const std::lock_guard lock(inbox->mutex);
      if (inbox->context == nullptr) return;  // the server, and perhaps the application, is gone
    }
    application_.HandleRequest(std::move(request), [this, inbox, id, number](api::HttpResponse response) {
      inbox->Post([this, id, number, response = std::move(response)]() mutable {
        const auto it = by_id_.find(id);
        if (it == by_id_.end() || it->second->request_number != number || it->second->response) return;
        Answer(*it->second, std::move(response));
      });
    });
  });
}

void LwsServer::Answer(LwsConnection& connection, api::HttpResponse response, bool is_page) {
  const std::string* origin = connection.request.Header("origin");
  for (auto& header : CorsHeaders(config_.origins, origin, connection.request.method == "OPTIONS")) {
    response.headers.push_back(std::move(header));
  }
  for (auto& header : SecurityHeaders(config_.connect_sources, is_page, !config_.certificate_file.empty())) {
    response.headers.push_back(std::move(header));
  }
  connection.response = std::move(response);
  lws_callback_on_writable(connection.wsi);
}

int LwsServer::OnWritable(LwsConnection& connection) {
  if (!connection.response) return 0;
  switch (WriteResponse(connection)) {
    case WriteOutcome::kFailed:
      return -1;
    case WriteOutcome::kMore:
      lws_callback_on_writable(connection.wsi);
      return 0;
    case WriteOutcome::kDone:
      break;
  }
  connection.response.reset();
  connection.request = {};
  if (connection.must_close || is_stopping_) return -1;
  return lws_http_transaction_completed(connection.wsi) != 0 ? -1 : 0;
}

// Before the upgrade: only WebSockets, only on channels, only with our subprotocol, only from our pages. Returns
// more than zero after an answer of its own.
int LwsServer::OnUpgrade(LwsConnection& connection) {
  auto request = ReadRequest(connection.wsi);
  if (!request) return -1;
  connection.request = std::move(*request);
  connection.request.remote_address = connection.address;
  connection.has_sent_headers = false;
  connection.body_sent = 0;
  connection.must_close = true;
  ++connection.request_number;
  const auto refuse = [&](int status, const char* code, const char* message) {
    ++refused_requests_;
    Answer(connection, ServerError(status, code, message));
    while (true) {
      const WriteOutcome outcome = WriteResponse(connection);
      if (outcome == WriteOutcome::kFailed) return -1;
      if (outcome == WriteOutcome::kDone) break;
    }
    connection.response.reset();
    lws_set_timeout(connection.wsi, PENDING_TIMEOUT_HTTP_CONTENT, 1);
    return 1;
  };
  const std::string upgrade = ReadHeader(connection.wsi, WSI_TOKEN_UPGRADE).value_or("");
  if (strcasecmp(upgrade.c_str(), "websocket") != 0) {
    return refuse(400, "INVALID_ARGUMENT", "Only WebSocket upgrades are served.");
  }
  const api::HttpRequest& r = connection.request;
  if (r.method != "GET" || !r.path.starts_with(config_.websocket_prefix)) {
    return refuse(404, "NOT_FOUND", "The specified resource is not found.");
  }
  const std::string* origin = r.Header("origin");
  if (origin != nullptr && !config_.origins.Allows(*origin)) {
    return refuse(403, "PERMISSION_DENIED", "The page's origin is not allowed.");
  }
  if (lws_hdr_total_length(connection.wsi, WSI_TOKEN_PROTOCOL) > kMaxProtocolList) {
    return refuse(431, "INVALID_ARGUMENT", "The list of subprotocols is too long; send the token in the first message.");
  }
  const std::string* offered = r.Header("sec-websocket-protocol");
  if (offered == nullptr || offered->find(config_.websocket_protocol) == std::string::npos) {
    return refuse(400, "INVALID_ARGUMENT", "The subprotocol byon.events.v1 is required.");
  }
  if (!per_address_rate_.Take(connection.address, std::chrono::system_clock::now())) {
    return refuse(429, "TOO_MANY_REQUESTS", "Rate limit reached.");
  }
  return 0;
}

void LwsServer::OnWebSocketOpen(LwsConnection& connection) {
  ++websockets_;
  connection.is_websocket = true;
  connection.socket = std::make_shared<StrandSocket>();
  boost::asio::post(strand_, [this, inbox = inbox_, request = connection.request, socket = connection.socket,
                              session = std::make_shared<Session>(*this, connection.id)] {
    {
      const std::lock_guard lock(inbox->mutex);
      if (inbox->context == nullptr) return;
    }
    if (!socket->is_closed) socket->handler = application_.OpenWebSocket(request, session);
  });
}

int LwsServer::OnWebSocketData(LwsConnection& connection, const char* data, size_t length) {
  if (connection.closing) return 0;
  if (lws_frame_is_binary(connection.wsi) != 0) {
    Close(connection, 1003, "text only");
    return 0;
  }
  if (connection.incoming.size() + length > config_.max_message_bytes) {
    connection.incoming.clear();
    Close(connection, 1009, "message too large");
    return 0;
  }
  connection.incoming.append(data, length);
  if (lws_is_final_fragment(connection.wsi) == 0 || lws_remaining_packet_payload(connection.wsi) != 0) return 0;
  boost::asio::post(strand_, [socket = connection.socket, text = std::exchange(connection.incoming, {})]() mutable {
    if (socket->handler && !socket->is_closed) socket->handler->OnMessage(std::move(text));
  });
  return 0;
}

int LwsServer::OnWebSocketWritable(LwsConnection& connection) {
  if (!connection.outgoing.empty()) {
    const std::string text = std::move(connection.outgoing.front());
    connection.outgoing.pop_front();
    connection.outgoing_bytes -= text.size();
    std::string buffer(LWS_PRE, '\0');
    buffer += text;
    if (lws_write(connection.wsi, reinterpret_cast<unsigned char*>(buffer.data()) + LWS_PRE, text.size(),
                  LWS_WRITE_TEXT) < 0) {
      return -1;
    }
    if (!connection.outgoing.empty() || connection.closing) lws_callback_on_writable(connection.wsi);
    return 0;
  }
  if (!connection.closing) return 0;
  auto& [code, reason] = *connection.closing;
  lws_close_reason(connection.wsi, static_cast<lws_close_status>(code),
                   reinterpret_cast<unsigned char*>(reason.data()), reason.size());
  return -1;
}

void LwsServer::OnWebSocketClosed(LwsConnection& connection) {
  if (!connection.is_websocket) return;
  connection.is_websocket = false;
  boost::asio::post(strand_, [socket = std::move(connection.socket)] {
    socket->is_closed = true;
    if (socket->handler) socket->handler->OnClosed();
    socket->handler.reset();
  });
}

void LwsServer::SendOn(uint64_t id, std::string text) {
  const auto it = by_id_.find(id);
  if (it == by_id_.end() || !it->second->is_websocket || it->second->closing) return;
  LwsConnection& connection = *it->second;
  if (connection.outgoing_bytes + text.size() > config_.max_queue_bytes) {
    ++slow_readers_;
    connection.outgoing.clear();
    connection.outgoing_bytes = 0;
    return Close(connection, 1013, "reader too slow");
  }
  connection.outgoing_bytes += text.size();
  connection.outgoing.push_back(std::move(text));
  lws_callback_on_writable(connection.wsi);
}

void LwsServer::CloseOn(uint64_t id, uint16_t code, std::string reason) {
  const auto it = by_id_.find(id);
  if (it != by_id_.end() && it->second->is_websocket) Close(*it->second, code, std::move(reason));
}

void LwsServer::Close(LwsConnection& connection, uint16_t code, std::string reason) {
  if (connection.closing) return;
  connection.closing = {code, reason.substr(0, 100)};
  lws_set_timeout(connection.wsi, PENDING_TIMEOUT_CLOSE_SEND, kCloseTimeout);
  lws_callback_on_writable(connection.wsi);
}

std::unique_ptr<HttpServer> StartHttpServer(HttpServerConfig config, StaticFiles files,
                                            api::HttpApplication& application,
                                            boost::asio::any_io_executor strand) {
  return std::make_unique<LwsServer>(std::move(config), std::move(files), application, std::move(strand));
}

}  // namespace byon::http
