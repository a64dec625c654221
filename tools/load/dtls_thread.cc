#include "tools/load/dtls_thread.h"

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "tools/load/clock.h"

namespace byon::load {
namespace {

dtls::DtlsContext MakeContext() {
  const auto certificate = dtls::DtlsCertificate::Generate();
  if (!certificate) throw std::runtime_error(certificate.error());
  auto context = dtls::DtlsContext::Create(*certificate, dtls::DtlsContext::DefaultProfiles());
  if (!context) throw std::runtime_error(context.error());
  return std::move(context).value();
}

}  // namespace

DtlsThread::DtlsThread(OnEvent on_event) : context_(MakeContext()), on_event_(std::move(on_event)) {
  thread_ = std::thread([this] { Run(); });
}

DtlsThread::~DtlsThread() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void DtlsThread::Post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void DtlsThread::Run() {
  std::unique_lock lock(mutex_);
  while (!is_ending_) {
    if (tasks_.empty()) {
      base::Timestamp due = MonotonicNow() + base::TimeDelta::Milliseconds(500);
      for (const auto& [call, association] : associations_) {
        due = std::min(due, association.transport.NextDeadline());
      }
      const base::TimeDelta wait = std::max(due - MonotonicNow(), base::TimeDelta());
      wake_.wait_for(lock, std::chrono::nanoseconds(wait.nanoseconds()),
                     [this] { return is_ending_ || !tasks_.empty(); });
    }
    std::deque<Task> tasks = std::exchange(tasks_, {});
    lock.unlock();
    for (Task& task : tasks) Take(task, MonotonicNow());
    const base::Timestamp now = MonotonicNow();
    for (auto& [call, association] : associations_) {
      if (association.transport.NextDeadline() > now) continue;
      association.transport.HandleTimeout(now);
      Drain(call, association);
    }
    lock.lock();
  }
}

void DtlsThread::Take(Task& task, base::Timestamp now) {
  if (auto* peer = std::get_if<Peer>(&task)) {
    const uint64_t call = peer->call;
    Association& added =
        associations_.insert_or_assign(call, Association{std::move(*peer), dtls::DtlsTransport(context_, peer->role)})
            .first->second;
    added.transport.SetRemoteFingerprints({&added.peer.gateway_fingerprint, 1});
    added.transport.Start(now);
    return Drain(call, added);
  }
  if (const auto* gone = std::get_if<Gone>(&task)) {
    associations_.erase(gone->call);
    return;
  }
  const auto& datagram = std::get<Datagram>(task);
  const auto found = associations_.find(datagram.call);
  if (found == associations_.end()) return;
  found->second.transport.HandleDatagram(datagram.bytes, now);
  Drain(datagram.call, found->second);
}

void DtlsThread::Drain(uint64_t call, Association& association) {
  while (const auto datagram = association.transport.PollDatagram()) {
    association.peer.socket->Send(datagram->bytes(), association.peer.gateway);
  }
  while (auto event = association.transport.PollEvent()) on_event_(call, std::move(*event));
}

}  // namespace byon::load
