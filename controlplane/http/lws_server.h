#pragma once

#include <libwebsockets.h>

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "controlplane/api/rate_limiter.h"
#include "controlplane/http/http_server.h"
#include "controlplane/http/lws_connection.h"

namespace byon::http {

// HttpServer on libwebsockets 4.1. One service thread owns the context and every connection; other threads only
// leave tasks in the inbox and wake it.
class LwsServer final : public HttpServer {
 public:
  LwsServer(HttpServerConfig config, StaticFiles files, api::HttpApplication& application,
            boost::asio::any_io_executor strand);
  ~LwsServer() override;

  uint16_t port() const override { return port_; }
  HttpServerStats stats() const override;
  void Stop() override;

 private:
  class Session;
  // What outlives the server for those who may still call: the way to the service thread.
  struct Inbox {
    std::mutex mutex;
    std::deque<std::function<void()>> tasks;
    lws_context* context = nullptr;  // null once stopped
    void Post(std::function<void()> task);
  };

  static int Callback(lws* wsi, lws_callback_reasons reason, void* user, void* in, size_t length);
  int OnCallback(lws* wsi, lws_callback_reasons reason, void* in, size_t length);
  void CreateContext();
  void RunTasks();

  bool MayConnect(int descriptor);
  void OnConnected(lws* wsi);
  void OnDestroyed(lws* wsi);
  LwsConnection* Of(lws* wsi);

  int OnRequest(LwsConnection& connection);
  int OnBody(LwsConnection& connection, const char* data, size_t length);
  int OnBodyEnd(LwsConnection& connection);
  int OnWritable(LwsConnection& connection);
  void Forward(LwsConnection& connection);
  bool AnswerLocally(LwsConnection& connection);
  void Answer(LwsConnection& connection, api::HttpResponse response, bool is_page = false);

  int OnUpgrade(LwsConnection& connection);
  void OnWebSocketOpen(LwsConnection& connection);
  int OnWebSocketData(LwsConnection& connection, const char* data, size_t length);
  int OnWebSocketWritable(LwsConnection& connection);
  void OnWebSocketClosed(LwsConnection& connection);
  void SendOn(uint64_t id, std::string text);
  void CloseOn(uint64_t id, uint16_t code, std::string reason);
  void Close(LwsConnection& connection, uint16_t code, std::string reason);

  const HttpServerConfig config_;
  const StaticFiles files_;
  api::HttpApplication& application_;
  const boost::asio::any_io_executor strand_;
  lws_protocols protocols_[3]{};
  lws_retry_bo_t idle_policy_{};
  lws_context* context_ = nullptr;
  std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  uint16_t port_ = 0;
  std::thread thread_;
  std::atomic<bool> is_stopping_{false};
  std::unordered_map<lws*, std::unique_ptr<LwsConnection>> connections_;
  std::unordered_map<uint64_t, LwsConnection*> by_id_;
  std::map<std::string, size_t> per_address_;
  api::RateLimiter per_address_rate_;
  uint64_t last_id_ = 0;
  std::atomic<uint64_t> refused_connections_{0}, requests_{0}, refused_requests_{0}, websockets_{0},
      slow_readers_{0};
  std::atomic<size_t> open_{0};
};

}  // namespace byon::http
