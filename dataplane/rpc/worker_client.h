#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "dataplane/base/time.h"
#include "dataplane/worker/commands.h"

namespace byon::rpc {

// The control side of one worker's mailbox. Commands may be given on any thread; reports are taken
// by one thread alone.
class WorkerClient {
 public:
  using Done = std::function<void(worker::Reply)>;
  using OnEvent = std::function<void(const worker::EventReport&)>;

  // The mailbox must outlive the client.
  explicit WorkerClient(worker::WorkerMailbox& mailbox) : mailbox_(mailbox) {}

  // Gives a command; `done` is called on the reporting thread. False, with nothing given, when the
  // mailbox is full.
  [[nodiscard]] bool Submit(worker::Command command, Done done);
  // Gives a command and waits for its reply. Nothing when the mailbox is full or no reply comes
  // within `limit`: a late reply goes to `late`, on the reporting thread.
  std::optional<worker::Reply> Call(worker::Command command, base::TimeDelta limit, Done late = nullptr);
  // Takes all reports that are there. True when there was one. The reporting thread only.
  bool ServeReports(const OnEvent& on_event);

  // What PrepareSessionChange() needs for this worker's sessions; may be null.
  codec::AmrWbBatch* amr_wb_batch() const { return mailbox_.amr_wb_batch; }
  bool has_outstanding() const { return outstanding_.load(std::memory_order_relaxed) > 0; }

 private:
  worker::WorkerMailbox& mailbox_;
  std::mutex mutex_;  // the producer's side of the command ring, and `waiting_`
  uint64_t next_id_ = 1;
  std::unordered_map<uint64_t, Done> waiting_;
  std::atomic<size_t> outstanding_{0};
};

}  // namespace byon::rpc
