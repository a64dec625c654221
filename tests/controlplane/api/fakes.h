#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "controlplane/api/clock_and_timers.h"
#include "controlplane/api/http_application.h"
#include "controlplane/http_client/http_client.h"

// The world around the API: time, servers that are asked, WebSockets.
namespace byon::api {

using nlohmann::json;
using std::chrono::milliseconds;

inline constexpr const char* kIssuer = "https://idp.example";
inline constexpr const char* kAudience = "https://gw.example/webrtc";

// Time that only moves when the test says so.
class FakeTime final : public Timers {
 public:
  // The real time of the start, because token issuer and stores look at the real clock.
  WallTime now() const { return now_; }
  std::shared_ptr<void> After(milliseconds delay, std::function<void()> ring) override;
  void Advance(milliseconds by);

 private:
  struct Alarm {
    WallTime at;
    int number;
    std::function<void()> ring;
  };
  std::shared_ptr<Alarm> TakeNext(WallTime end);
  WallTime now_ = std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
  int count_ = 0;
  std::vector<std::weak_ptr<Alarm>> alarms_;
};

// Answers by URL; what has no answer waits until the test gives one.
class FakeHttpClient final : public http_client::HttpClient {
 public:
  struct Sent {
    http_client::Request request;
    std::function<void(http_client::Result)> done;
  };
  void Send(http_client::Request request, std::function<void(http_client::Result)> done) override;
  void AnswerLast(http_client::Result result);
  std::map<std::string, http_client::Result> answers;
  std::deque<Sent> sent;  // stable under Send from a callback
};

// What the server's half of a WebSocket would send.
class FakeSession final : public WebSocketSession {
 public:
  void Send(std::string text) override { sent.push_back(std::move(text)); }
  void Close(uint16_t code, std::string) override { closed_with = code; }
  json Last() const;
  std::vector<std::string> sent;
  uint16_t closed_with = 0;
};

}  // namespace byon::api
