#include "dataplane/rpc/worker_client.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <utility>
#include <variant>

namespace byon::rpc {

bool WorkerClient::Submit(worker::Command command, Done done) {
  const std::lock_guard lock(mutex_);
  command.id = next_id_;
  if (!mailbox_.commands.Push(std::move(command))) return false;
  waiting_.emplace(next_id_++, std::move(done));
  outstanding_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

std::optional<worker::Reply> WorkerClient::Call(worker::Command command, base::TimeDelta limit, Done late) {
  // Shared, because the reply may outlive the caller's patience.
  struct Slot {
    std::mutex mutex;
    std::condition_variable arrived;
    std::optional<worker::Reply> reply;
    bool is_abandoned = false;
  };
  const auto slot = std::make_shared<Slot>();
  const bool is_given = Submit(std::move(command), [slot, late](worker::Reply reply) {
    std::unique_lock lock(slot->mutex);
    if (slot->is_abandoned) {
      lock.unlock();
      if (late) late(std::move(reply));
      return;
    }
    slot->reply = std::move(reply);
    slot->arrived.notify_one();
  });
  if (!is_given) return std::nullopt;
  std::unique_lock lock(slot->mutex);
  if (!slot->arrived.wait_for(lock, std::chrono::nanoseconds(limit.nanoseconds()),
                              [&] { return slot->reply.has_value(); })) {
    slot->is_abandoned = true;
    return std::nullopt;
  }
  return std::move(slot->reply);
}

bool WorkerClient::ServeReports(const OnEvent& on_event) {
  bool had_one = false;
  while (auto report = mailbox_.reports.Pop()) {
    had_one = true;
    if (const auto* event = std::get_if<worker::EventReport>(&*report)) {
      on_event(*event);
    } else if (auto* reply = std::get_if<worker::Reply>(&*report)) {
      Done done;
      {
        const std::lock_guard lock(mutex_);
        const auto it = waiting_.find(reply->command.id);
        if (it == waiting_.end()) continue;
        done = std::move(it->second);
        waiting_.erase(it);
      }
      outstanding_.fetch_sub(1, std::memory_order_relaxed);
      if (done) done(std::move(*reply));
    }
  }
  return had_one;
}

}  // namespace byon::rpc
