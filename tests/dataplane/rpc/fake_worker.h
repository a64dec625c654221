#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "dataplane/srtp/drop_reason.h"
#include "dataplane/worker/commands.h"

namespace byon::rpc {

// The other end of a worker's mailbox: keeps the sessions that it is given and answers as told.
class FakeWorker {
 public:
  // Runs `also` (the service's side of the reports) in the same loop, so that one thread serves
  // both.
  void Start(std::function<void()> also) {
    thread_ = std::thread([this, also = std::move(also)] {
      while (!must_stop_) {
        Serve();
        also();
        std::this_thread::yield();
      }
    });
  }
  void Stop() {
    must_stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  ~FakeWorker() { Stop(); }

  // The status of the next commands of this kind; kDone when none is left.
  template <typename Body>
  void AnswerNext(worker::CommandStatus status) {
    const std::lock_guard lock(mutex_);
    answers_.emplace_back(decltype(worker::Command::body)(Body{}).index(), status);
  }
  void Emit(worker::SessionHandle handle, session::SessionEvent event) {
    (void)mailbox_.reports.Push(worker::EventReport{handle, event});
  }

  worker::WorkerMailbox& mailbox() { return mailbox_; }
  size_t session_count() const { return count_; }
  worker::SessionHandle last_handle() const { return last_handle_; }
  template <typename Function>
  auto Look(Function function) {
    const std::lock_guard lock(mutex_);
    return function(*this);
  }
  std::map<worker::SessionHandle, std::unique_ptr<session::MediaSession>> sessions;
  std::vector<session::SessionConfig> created;  // every attempt
  size_t modifications = 0;
  size_t joins = 0;
  codec::CodecFormat last_access;  // what browsers are to be sent
  pipeline::SendSetupPtr last_ims_send;
  worker::SendDtmf last_dtmf;
  worker::PlayTone last_tone;
  std::string last_reason;

 private:
  void Serve() {
    while (auto command = mailbox_.commands.Pop()) {
      const std::lock_guard lock(mutex_);
      worker::Reply reply{NextStatus(command->body.index()), std::move(*command)};
      if (reply.status == worker::CommandStatus::kDone) Execute(reply);
      (void)mailbox_.reports.Push(std::move(reply));
    }
  }
  worker::CommandStatus NextStatus(size_t kind) {
    for (auto it = answers_.begin(); it != answers_.end(); ++it) {
      if (it->first != kind) continue;
      const worker::CommandStatus status = it->second;
      answers_.erase(it);
      return status;
    }
    return worker::CommandStatus::kDone;
  }
  void Execute(worker::Reply& reply) {
    const worker::SessionHandle handle = reply.command.session;
    if (auto* create = std::get_if<worker::CreateSession>(&reply.command.body)) {
      created.push_back(create->session->config());
      sessions[handle] = std::move(create->session);
      last_handle_ = handle;
    } else if (auto* stats = std::get_if<worker::GetWorkerStats>(&reply.command.body)) {
      stats->stats->sessions = static_cast<uint32_t>(sessions.size());
      stats->stats->packets_received = 100;
      stats->stats->handed_over = 7;
      stats->stats->drops.Count(srtp::DropReason::kReplayed, 3);
    } else if (!sessions.contains(handle)) {
      reply.status = worker::CommandStatus::kNoSuchSession;
    } else if (auto* close = std::get_if<worker::CloseSession>(&reply.command.body)) {
      last_reason = close->reason.view();
      if (close->stats) close->stats->ims.packets_sent = 42;
      close->session = std::move(sessions[handle]);
      sessions.erase(handle);
    } else if (auto* modify = std::get_if<worker::ModifySession>(&reply.command.body)) {
      ++modifications;
      if (modify->change->access_audio) last_access = modify->change->access_audio->send_format;
      if (modify->change->ims_audio) last_ims_send = std::move(modify->change->ims_audio->send);
    } else if (std::holds_alternative<worker::JoinSessions>(reply.command.body)) {
      ++joins;
    } else if (auto* dtmf = std::get_if<worker::SendDtmf>(&reply.command.body)) {
      last_dtmf = *dtmf;
    } else if (auto* tone = std::get_if<worker::PlayTone>(&reply.command.body)) {
      last_tone = *tone;
    } else if (auto* get = std::get_if<worker::GetStats>(&reply.command.body)) {
      get->stats->access.packets_received = 11;
      get->stats->ims.codec = session::ShortText("AMR-WB");
      get->stats->drops.Count(srtp::DropReason::kAuthFailed, 2);
    }
    count_ = sessions.size();
  }

  worker::WorkerMailbox mailbox_;
  std::mutex mutex_;
  std::vector<std::pair<size_t, worker::CommandStatus>> answers_;
  std::atomic<size_t> count_{0};
  std::atomic<worker::SessionHandle> last_handle_{0};
  std::atomic<bool> must_stop_{false};
  std::thread thread_;
};

}  // namespace byon::rpc
