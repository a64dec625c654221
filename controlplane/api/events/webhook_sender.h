#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "controlplane/api/clock_and_timers.h"
#include "controlplane/http_client/http_client.h"

namespace byon::api {

struct WebhookConfig {
  bool may_use_private_networks = false;
  std::string ca_file;
  std::chrono::milliseconds timeout{5000};
  size_t queue_events = 256;
  unsigned max_attempts = 8;
};

// How a subscription's sink has to be dealt with after a delivery.
enum class SinkVerdict {
  kGone,          // 410: the client wants no more
  kUnauthorized,  // 401
};

// Delivers the events of one subscription in order, each until the sink has it or it is given up. 5xx, 408,
// 429, network failures and, when there is a token that may be renewed, 401 are tried again after 0.5 s, 1 s, 2 s ...
// 30 s, or when Retry-After says (120 s at most); other answers are final. When the queue is full the oldest event
// goes: the newest tells the present state.
class WebhookSender : public std::enable_shared_from_this<WebhookSender> {
 public:
  struct Sink {
    std::string url;
    std::string access_token;    // empty: none
    std::string account;         // whose it is
    size_t max_of_account = 16;  // deliveries under way at a time
  };
  using OnVerdict = std::function<void(SinkVerdict)>;
  // Keeps what waits, so that a successor of this process sends it. Numbers grow with each event.
  class Backlog {
   public:
    virtual ~Backlog() = default;
    virtual void Keep(uint64_t number, const std::string& event_id, const std::string& text) = 0;
    virtual void Drop(uint64_t number) = 0;
  };
  using Observer = std::function<void(std::string_view event, std::string detail)>;

  WebhookSender(WebhookConfig config, Sink sink, http_client::HttpClient& http, Timers& timers, OnVerdict on_verdict,
                Observer observer, std::unique_ptr<Backlog> backlog);

  void Enqueue(std::string event_id, std::string text);
  // What an earlier process kept, in its order, before anything else.
  void Restore(uint64_t number, std::string event_id, std::string text);
  // A fresh token: an event that waits to be tried again is sent at once.
  void set_access_token(std::string token);
  // Takes no verdict of the sink from now on: the subscription is over, only what is queued still goes out.
  void Close();
  // Stops at once; what is kept of the queue stays kept.
  void Stop();
  // Stops at once and for good: nobody wants the rest.
  void Abandon();
  size_t queued() const { return queue_.size(); }

 private:
  struct Event {
    uint64_t number = 0;
    std::string id;
    std::string text;
    unsigned attempts = 0;
  };
  void SendFirst();
  void OnResult(const http_client::Result& result);
  void Advance();

  const WebhookConfig config_;
  Sink sink_;
  http_client::HttpClient& http_;
  Timers& timers_;
  OnVerdict on_verdict_;
  Observer observer_;
  const std::unique_ptr<Backlog> backlog_;
  std::deque<Event> queue_;
  uint64_t last_number_ = 0;
  bool is_sending_ = false;
  bool is_stopped_ = false;
  std::shared_ptr<void> retry_;
};

}  // namespace byon::api
