#include "tools/load/media_engine.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "dataplane/rtp/datagram_class.h"
#include "tools/load/clock.h"

namespace byon::load {
namespace {

constexpr size_t kSocketsPerSet = 3;
constexpr uint64_t kWakeToken = UINT64_MAX;
constexpr int kMostBatches = 8;  // of one socket before the others have their turn

}  // namespace

MediaEngine::MediaEngine(const Profile& profile)
    : profile_(profile), transform_(srtp::MakeSrtpTransform(srtp::DefaultSrtpBackend())), outbox_(*transform_) {
  for (size_t i = 0; i < profile.sockets * kSocketsPerSet; ++i) sockets_.emplace_back(profile.address);
  overflow_.resize(sockets_.size());
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  const auto watch = [this](int fd, uint64_t token) {
    epoll_event event{.events = EPOLLIN, .data = {.u64 = token}};
    (void)epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  };
  watch(wake_, kWakeToken);
  for (size_t i = 0; i < sockets_.size(); ++i) watch(sockets_[i].fd(), i);
  dtls_ =
      std::make_unique<DtlsThread>([this](uint64_t call, dtls::DtlsEvent event) { OnDtls(call, std::move(event)); });
  slot_time_ = MonotonicNow();
  thread_ = std::thread([this] { Run(); });
}

MediaEngine::~MediaEngine() {
  is_ending_ = true;
  Post([] {});
  thread_.join();
  dtls_.reset();
  close(epoll_);
  close(wake_);
}

CallSockets MediaEngine::SocketsOf(uint64_t call) const {
  const size_t first = call % profile_.sockets * kSocketsPerSet;
  return {&sockets_[first], &sockets_[first + 1], &sockets_[first + 2]};
}

void MediaEngine::Post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  const uint64_t one = 1;
  (void)!write(wake_, &one, sizeof one);
}

void MediaEngine::Add(CallSetup setup) {
  Post([this, setup = std::move(setup)]() mutable { AddNow(std::move(setup)); });
}
void MediaEngine::Stop(uint64_t call) {
  Post([this, call] {
    MediaCall* found = Find(call);
    if (found == nullptr) return;
    found->Stop();
    const base::TimeDelta weather = std::max(profile_.browser.longest_delay(), profile_.phone.longest_delay());
    stopping_[call] = MonotonicNow() + kStopDelay + weather;
  });
}
void MediaEngine::Remove(uint64_t call) {
  Post([this, call] { RemoveNow(call); });
}
void MediaEngine::Measure(bool is_on) {
  Post([this, is_on] { is_measuring_ = is_on; });
}

std::vector<CallNews> MediaEngine::TakeNews() {
  const std::lock_guard lock(mutex_);
  return std::exchange(news_, {});
}

EngineReport MediaEngine::Report() {
  auto promise = std::make_shared<std::promise<EngineReport>>();
  auto future = promise->get_future();
  Post([this, promise] {
    report_.socket_overflow = 0;
    for (const uint32_t count : overflow_) report_.socket_overflow += count;
    report_.cpu_ns = ReadClockNs(CLOCK_THREAD_CPUTIME_ID);
    promise->set_value(report_);
  });
  return future.get();
}

void MediaEngine::Tell(CallNews news) {
  const std::lock_guard lock(mutex_);
  news_.push_back(std::move(news));
}

MediaCall* MediaEngine::Find(uint64_t call) {
  const auto found = calls_.find(call);
  return found == calls_.end() ? nullptr : found->second.get();
}

void MediaEngine::AddNow(CallSetup setup) {
  const uint64_t id = setup.id;
  const base::Timestamp now = MonotonicNow();
  auto& call = calls_[id] = std::make_unique<MediaCall>(std::move(setup), profile_, now);
  const CallSetup& known = call->setup();
  ports_[known.gateway.access.port] = {call.get(), PortKind::kAccess};
  ports_[known.gateway.rtp.port] = {call.get(), PortKind::kRtp};
  ports_[known.gateway.rtcp.port] = {call.get(), PortKind::kRtcp};
  base::Random random(known.seed ^ 0x510750);
  slots_[random.NextBelow(kSlots)].push_back({call.get(), Side::kBrowser});
  slots_[random.NextBelow(kSlots)].push_back({call.get(), Side::kPhone});
  timers_.push({now, id});
  if (profile_.gateway_is_dtls_client) {
    dtls_->Start(
        {id, dtls::DtlsRole::kServer, known.gateway.fingerprint, known.sockets.browser, call->access_address()});
  }
}

void MediaEngine::RemoveNow(uint64_t id) {
  MediaCall* call = Find(id);
  if (call == nullptr) return;
  dtls_->Forget(id);
  for (auto& slot : slots_) std::erase_if(slot, [call](const Sending& sending) { return sending.call == call; });
  for (const uint16_t port :
       {call->setup().gateway.access.port, call->setup().gateway.rtp.port, call->setup().gateway.rtcp.port}) {
    // The gateway may have given the port to a new call already.
    if (ports_[port].call == call) ports_[port] = {};
  }
  has_media_.erase(id);
  stopping_.erase(id);
  calls_.erase(id);
}

void MediaEngine::OnDtls(uint64_t id, dtls::DtlsEvent event) {
  Post([this, id, event = std::move(event)] {
    MediaCall* call = Find(id);
    if (call == nullptr) return;
    const base::Timestamp now = MonotonicNow();
    if (const auto* connected = std::get_if<dtls::DtlsConnected>(&event)) {
      call->SetKeys(*connected, now);
      timers_.push({call->next_deadline(), id});
      Tell({.call = id, .kind = CallNews::Kind::kDtlsConnected, .at = now});
    } else if (const auto* failed = std::get_if<dtls::DtlsFailed>(&event)) {
      Tell({.call = id,
            .kind = CallNews::Kind::kFailed,
            .at = now,
            .reason = "DTLS: " + std::string(dtls::FailureCauseName(failed->cause)) + ": " + failed->detail});
    } else if (!call->is_stopped()) {
      Tell({.call = id, .kind = CallNews::Kind::kFailed, .at = now, .reason = "the gateway closed DTLS"});
    }
  });
}

void MediaEngine::Run() {
  while (!is_ending_) {
    RunTasks();
    const base::Timestamp now = MonotonicNow();
    SendSlots(now);
    RunTimers(now);
    outbox_.Flush(now);
    base::Timestamp until = std::min(outbox_.SendDelayed(now), NextSlotDue());
    if (!timers_.empty()) until = std::min(until, timers_.top().due);
    for (const auto& [call, due] : stopping_) until = std::min(until, due);
    Wait(until);
  }
}

void MediaEngine::RunTasks() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }
  for (const auto& task : tasks) task();
}

void MediaEngine::RunTimers(base::Timestamp now) {
  while (!timers_.empty() && timers_.top().due <= now) {
    const uint64_t id = timers_.top().call;
    timers_.pop();
    MediaCall* call = Find(id);
    if (call == nullptr) continue;
    // Put off meanwhile. Nobody else may have an entry for it, so it keeps this one: two a call at
    // the most.
    if (call->next_deadline() > now) {
      timers_.push({call->next_deadline(), id});
      continue;
    }
    if (!call->HandleTimeout(now, outbox_, *transform_)) {
      Tell({.call = id, .kind = CallNews::Kind::kFailed, .at = now, .reason = "ICE: no answer to connectivity checks"});
      continue;
    }
    timers_.push({call->next_deadline(), id});
  }
  std::erase_if(stopping_, [&](const auto& entry) {
    if (entry.second > now) return false;
    const MediaCall* call = Find(entry.first);
    if (call != nullptr) {
      Tell({.call = entry.first,
            .kind = CallNews::Kind::kStopped,
            .at = now,
            .browser = call->counts(Side::kBrowser),
            .phone = call->counts(Side::kPhone)});
    }
    return true;
  });
}

void MediaEngine::SendSlots(base::Timestamp now) {
  for (; slot_time_ <= now; slot_time_ += kSlot, slot_ = (slot_ + 1) % kSlots) {
    for (const Sending& sending : slots_[slot_]) {
      if (!sending.call->may_send(now)) continue;
      if (is_measuring_) report_.send_lateness.Add((now - slot_time_).microseconds());
      ++report_.packets_sent;
      sending.call->SendMedia(sending.side, now, outbox_);
    }
  }
}

base::Timestamp MediaEngine::NextSlotDue() const {
  base::Timestamp due = slot_time_;
  for (size_t i = 0; i < kSlots; ++i, due += kSlot) {
    if (!slots_[(slot_ + i) % kSlots].empty()) return due;
  }
  return slot_time_ + base::TimeDelta::Seconds(1);
}

void MediaEngine::Wait(base::Timestamp until) {
  const int64_t ns = std::clamp<int64_t>((until - MonotonicNow()).nanoseconds(), 0, 500'000'000);
  const timespec limit{ns / 1'000'000'000, ns % 1'000'000'000};
  std::array<epoll_event, 64> ready;
  const int count = epoll_pwait2(epoll_, ready.data(), static_cast<int>(ready.size()), &limit, nullptr);
  const base::Timestamp now = MonotonicNow();
  for (int i = 0; i < count; ++i) {
    const uint64_t token = ready[static_cast<size_t>(i)].data.u64;
    if (token != kWakeToken) {
      Receive(token, now);
      continue;
    }
    uint64_t wakes;
    (void)!read(wake_, &wakes, sizeof wakes);
  }
}

void MediaEngine::Receive(size_t socket, base::Timestamp now) {
  const int64_t offset_ns = ReadClockNs(CLOCK_MONOTONIC) - ReadClockNs(CLOCK_REALTIME);
  for (int batch = 0; batch < kMostBatches; ++batch) {
    const auto datagrams = receiver_.Receive(sockets_[socket].fd(), offset_ns);
    if (datagrams.empty()) return;
    report_.packets_received += datagrams.size();
    const size_t kind = socket % kSocketsPerSet;
    if (kind == 0) {
      TakeBrowserDatagrams(datagrams, now);
    } else {
      TakePhoneDatagrams(datagrams, now, kind == 1 ? PortKind::kRtp : PortKind::kRtcp);
    }
    if (const auto lost = receiver_.last_overflow()) overflow_[socket] = *lost;
    if (datagrams.size() < DatagramReceiver::kBatch) return;
  }
}

void MediaEngine::TakeBrowserDatagrams(std::span<ReceivedDatagram> datagrams, base::Timestamp now) {
  burst_.clear();
  std::array<const ReceivedDatagram*, DatagramReceiver::kBatch> encrypted;
  for (const ReceivedDatagram& datagram : datagrams) {
    const Port& port = ports_[datagram.from_port];
    if (port.kind != PortKind::kAccess) continue;
    MediaCall& call = *port.call;
    const uint64_t id = call.setup().id;
    switch (rtp::ClassifyDatagram(datagram.buffer->packet())) {
      case rtp::DatagramClass::kStun:
        if (!call.HandleStun(datagram.buffer->packet(), now)) break;
        Tell({.call = id, .kind = CallNews::Kind::kIceConnected, .at = now});
        if (!profile_.gateway_is_dtls_client) {
          dtls_->Start({id, dtls::DtlsRole::kClient, call.setup().gateway.fingerprint, call.setup().sockets.browser,
                        call.access_address()});
        }
        break;
      case rtp::DatagramClass::kDtls: dtls_->HandleDatagram(id, datagram.buffer->packet()); break;
      case rtp::DatagramClass::kRtcp:
        call.HandleRtcp(Side::kBrowser, datagram.buffer->packet(), now, *transform_);
        break;
      case rtp::DatagramClass::kRtp:
        if (call.inbound() == nullptr) break;
        encrypted[burst_.size()] = &datagram;
        burst_.push_back({call.inbound(), datagram.buffer->packet(), datagram.buffer->size, std::nullopt});
        break;
      case rtp::DatagramClass::kUnknown: break;
    }
  }
  if (burst_.empty()) return;
  srtp::UnprotectRtpBurst(*transform_, burst_);
  for (size_t i = 0; i < burst_.size(); ++i) {
    MediaCall& call = *ports_[encrypted[i]->from_port].call;
    if (burst_[i].drop) {
      call.CountUndecryptable();
      continue;
    }
    OnRtp(call, Side::kBrowser, burst_[i].buffer.first(burst_[i].length), encrypted[i]->arrival);
  }
}

void MediaEngine::TakePhoneDatagrams(std::span<ReceivedDatagram> datagrams, base::Timestamp now, PortKind kind) {
  for (const ReceivedDatagram& datagram : datagrams) {
    const Port& port = ports_[datagram.from_port];
    if (port.kind != kind) continue;
    if (kind == PortKind::kRtcp) {
      port.call->HandleRtcp(Side::kPhone, datagram.buffer->packet(), now, *transform_);
    } else {
      OnRtp(*port.call, Side::kPhone, datagram.buffer->packet(), datagram.arrival);
    }
  }
}

void MediaEngine::OnRtp(MediaCall& call, Side side, base::ByteSpan packet, base::Timestamp arrival) {
  DirectionTimes& times = side == Side::kBrowser ? report_.to_browser : report_.to_phone;
  call.HandleRtp(side, packet, arrival, is_measuring_ ? &times : nullptr);
  bool& has_media = has_media_[call.setup().id];
  if (has_media || !call.has_media_both_ways()) return;
  has_media = true;
  Tell({.call = call.setup().id, .kind = CallNews::Kind::kMediaBothWays, .at = arrival});
}

}  // namespace byon::load
