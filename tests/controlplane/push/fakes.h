#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "controlplane/gateway/timers.h"
#include "controlplane/http_client/http_client.h"
#include "controlplane/push/provider.h"

namespace byon::push {

// Time that only moves when the test says so.
class FakeTime final : public gateway::Timers {
 public:
  WallTime now() const { return now_; }
  std::shared_ptr<void> After(std::chrono::milliseconds delay, std::function<void()> ring) override {
    auto handle = std::make_shared<int>(0);
    alarms_.emplace(now_ + delay, std::pair(std::weak_ptr<int>(handle), std::move(ring)));
    return handle;
  }
  void Advance(std::chrono::milliseconds by) {
    const WallTime end = now_ + by;
    while (!alarms_.empty() && alarms_.begin()->first <= end) {
      auto alarm = alarms_.extract(alarms_.begin());
      now_ = std::max(now_, alarm.key());
      if (!alarm.mapped().first.expired()) alarm.mapped().second();
    }
    now_ = end;
  }

 private:
  WallTime now_{std::chrono::hours(500'000)};
  std::multimap<WallTime, std::pair<std::weak_ptr<int>, std::function<void()>>> alarms_;
};

// Keeps every request until the test answers it.
class FakeHttp final : public http_client::HttpClient {
 public:
  struct Sent {
    http_client::Request request;
    std::function<void(http_client::Result)> done;
    std::string Header(const std::string& name) const {
      for (const auto& [key, value] : request.headers) {
        if (key == name) return value;
      }
      return "(none)";
    }
  };
  void Send(http_client::Request request, std::function<void(http_client::Result)> done) override {
    sent.push_back({std::move(request), std::move(done)});
  }
  // Answers the oldest request that waits.
  void Answer(http_client::Result result) {
    const auto done = std::exchange(sent.at(answered++).done, nullptr);
    done(std::move(result));
  }
  void Answer(int status, std::string body = "", int retry_after_s = 0) {
    Answer(http_client::Response{status, std::move(body), std::chrono::seconds(retry_after_s)});
  }
  std::deque<Sent> sent;
  size_t answered = 0;
};

}  // namespace byon::push
