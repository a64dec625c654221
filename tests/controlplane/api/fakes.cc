#include "tests/controlplane/api/fakes.h"

#include <gtest/gtest.h>

namespace byon::api {

std::shared_ptr<void> FakeTime::After(milliseconds delay, std::function<void()> ring) {
  auto alarm = std::make_shared<Alarm>(Alarm{now_ + delay, ++count_, std::move(ring)});
  alarms_.push_back(alarm);
  return alarm;
}

void FakeTime::Advance(milliseconds by) {
  const WallTime end = now_ + by;
  while (auto next = TakeNext(end)) {
    now_ = std::max(now_, next->at);
    auto ring = std::move(next->ring);
    next.reset();
    ring();
  }
  now_ = end;
}

std::shared_ptr<FakeTime::Alarm> FakeTime::TakeNext(WallTime end) {
  std::shared_ptr<Alarm> best;
  size_t best_at = 0;
  for (size_t i = 0; i < alarms_.size(); ++i) {
    auto alarm = alarms_[i].lock();
    if (!alarm || alarm->at > end) continue;
    if (!best || std::pair(alarm->at, alarm->number) < std::pair(best->at, best->number)) {
      best = std::move(alarm);
      best_at = i;
    }
  }
  if (best) alarms_.erase(alarms_.begin() + static_cast<std::ptrdiff_t>(best_at));
  return best;
}

void FakeHttpClient::Send(http_client::Request request, std::function<void(http_client::Result)> done) {
  const auto it = answers.find(request.url);
  sent.push_back({request, it == answers.end() ? done : nullptr});
  if (it != answers.end()) done(it->second);
}

void FakeHttpClient::AnswerLast(http_client::Result result) {
  auto done = std::move(sent.back().done);
  ASSERT_TRUE(done) << "was answered already";
  sent.back().done = nullptr;
  done(std::move(result));
}

json FakeSession::Last() const { return sent.empty() ? json() : json::parse(sent.back()); }

}  // namespace byon::api
