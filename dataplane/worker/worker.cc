#include "dataplane/worker/worker.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

namespace byon::worker {
namespace {

// Bounds of one turn, so that no kind of work keeps the others waiting. Opening a session's ports
// costs tens of microseconds on kernel sockets.
constexpr size_t kCommandsPerTurn = 4;
constexpr size_t kHandshakeReportsPerTurn = 32;
// A worker that is behind would else spend its turn on ticks alone: packets are lost meanwhile, which makes
// the ticks dearer, and calls that have ended stay.
constexpr size_t kTickSlotsPerTurn = 1;
// The mailboxes are looked at this often when nothing else wakes the worker.
constexpr base::TimeDelta kMailboxInterval = base::TimeDelta::Milliseconds(5);
constexpr base::TimeDelta kHandshakeInterval = base::TimeDelta::Milliseconds(1);
// A handshake's flights follow each other within this.
constexpr base::TimeDelta kHandshakeWatch = base::TimeDelta::Seconds(2);
// Sessions that share a tick slot, where AMR-WB is encoded in batches: a pass of AVX2. More would make
// a pass of AVX-512 a quarter cheaper a call, but the packets of a slot wait for each other.
constexpr size_t kSessionsPerGroup = 8;

// Does `first`, `second` and `third` of everything below `count`, in order, each a few ahead of the next: memory that
// the one asks for has come when the next one looks at it.
template <typename First, typename Second, typename Third>
void InAdvance(size_t count, First&& first, Second&& second, Third&& third) {
  constexpr size_t kAhead = 3;
  for (size_t i = 0; i < count + 2 * kAhead; ++i) {
    if (i < count) first(i);
    if (i >= kAhead && i - kAhead < count) second(i - kAhead);
    if (i >= 2 * kAhead) third(i - 2 * kAhead);
  }
}

}  // namespace

Worker::Worker(const WorkerConfig& config, PacketIo& io, WorkerMailbox& mailbox, HandshakeMailbox& handshakes)
    : io_(io),
      mailbox_(mailbox),
      handshakes_(handshakes),
      outbox_(io, handshakes, config.srtp_backend, drops_),
      amr_wb_batch_(config.use_amr_wb_batch ? codec::AmrWbBatch::MakeForThisCpu() : nullptr),
      sessions_(config.session_capacity),
      wheel_(config.session_capacity, amr_wb_batch_ ? kSessionsPerGroup : 1) {
  mailbox_.amr_wb_batch = amr_wb_batch_.get();
}

void Worker::RunOnce(base::Timestamp now) {
  // The time of the last turn is known only now: the clock is read once a turn.
  if (was_busy_ && now > last_turn_) {
    busy_ns_ += static_cast<uint64_t>((now - last_turn_).nanoseconds());
  }
  last_turn_ = now;
  ++loops_;
  outbox_.SetTime(now, rtp::NtpTime::FromUnix(base::TimeDelta::Nanoseconds(now.nanoseconds()) + wall_clock_offset_));

  bool is_busy = ServePackets(now);
  is_busy |= ServeHandshakes();
  is_busy |= ServeCommands(now);
  is_busy |= ServeTicks(now);
  SendNow(now);
  outbox_.FlushHandshakes();
  was_busy_ = is_busy;
  if (!is_busy) io_.Wait(now, NextDeadline(now));
}

bool Worker::ServePackets(base::Timestamp now) {
  const size_t count = io_.ReceiveBurst(received_, now);
  if (count == 0) return false;
  packets_received_ += count;
  const size_t burst_size = ServeReceived(count, now);
  if (burst_size > 0) {
    srtp::UnprotectRtpBurst(outbox_.transform(), std::span(burst_).first(burst_size));
  }
  for (size_t i = 0; i < burst_size; ++i) {
    const srtp::BurstPacket& packet = burst_[i];
    const size_t origin = burst_origin_[i];
    if (packet.drop) {
      matches_[origin].session->HandleUndecryptedRtp(*packet.drop);
    } else {
      matches_[origin].session->HandleDecryptedRtp(received_[origin].source, packet.buffer.first(packet.length), now,
                                                   outbox_);
    }
  }
  io_.Release(std::span(received_).first(count));
  return true;
}

size_t Worker::ServeReceived(size_t count, base::Timestamp now) {
  for (size_t i = 0; i < count; ++i) sessions_.Prefetch(received_[i].destination.port);
  size_t burst_size = 0;
  InAdvance(
      count,
      [&](size_t i) {
        matches_[i] = sessions_.FindByPort(received_[i].destination.port);
        if (matches_[i].session) matches_[i].session->Prefetch(matches_[i].port);
      },
      [&](size_t i) {
        if (matches_[i].session) matches_[i].session->PrefetchFurther(matches_[i].port);
      },
      [&](size_t i) {
        const ReceivedDatagram& datagram = received_[i];
        const auto match = matches_[i];
        if (!match.session) return drops_.Count(session::DropReason::kUnknownPort);
        srtp::SrtpSession* const keys =
            match.session->HandleDatagram(match.port, datagram.source, datagram.payload, now, outbox_);
        if (!keys) return;
        burst_[burst_size] = {keys, datagram.payload, datagram.payload.size(), std::nullopt};
        burst_origin_[burst_size++] = i;
      });
  return burst_size;
}

bool Worker::ServeHandshakes() {
  bool is_busy = false;
  for (size_t i = 0; i < kHandshakeReportsPerTurn; ++i) {
    auto report = handshakes_.reports.Pop();
    if (!report) break;
    is_busy = true;
    outbox_.Flush();  // queued packets may need the keys that this report retires
    if (session::MediaSession* session = sessions_.FindByHandle(report->session)) {
      session->HandleHandshake(*report, outbox_);
      PublishEvents(*session);
    }
    if (report->srtp.inbound || report->srtp.outbound) {
      session::HandshakeRequest discard;
      discard.kind = session::HandshakeRequest::Kind::kDiscard;
      discard.retired = std::move(report->srtp);
      (void)outbox_.SendToHandshake(std::move(discard));  // no room: it dies here instead
    }
  }
  return is_busy;
}

bool Worker::ServeTicks(base::Timestamp now) {
  bool is_busy = false;
  const auto serve_slot = [&](std::span<session::MediaSession*> members, base::Timestamp due) {
    is_busy = true;
    if (now - due > kLateTick) late_ticks_ += members.size();
    // The due time, not `now`: the sender's clock must not shake with this thread's load.
    InAdvance(
        members.size(), [&](size_t i) { members[i]->PrefetchTick(); },
        [&](size_t i) { members[i]->PrefetchTickFurther(); }, [&](size_t i) { members[i]->StartTick(due, outbox_); });
    SendNow(now);  // what need not wait for the batch
    for (session::MediaSession* session : members) {
      session->FinishTick(due, outbox_);
      PublishEvents(*session);
    }
  };
  const int64_t given_up = wheel_.Advance(now, serve_slot, kTickSlotsPerTurn);
  if (given_up > 0) late_ticks_ += static_cast<uint64_t>(given_up) * wheel_.size() / 20;
  return is_busy;
}

void Worker::SendNow(base::Timestamp now) {
  outbox_.Flush();
  io_.Flush(now);
}

bool Worker::ServeCommands(base::Timestamp now) {
  bool is_busy = false;
  for (size_t i = 0; i < kCommandsPerTurn && MayPublish(); ++i) {
    auto command = mailbox_.commands.Pop();
    if (!command) break;
    is_busy = true;
    Publish(Execute(std::move(*command), now));
  }
  return is_busy;
}

Reply Worker::Execute(Command command, base::Timestamp now) {
  Reply reply{.status = CommandStatus::kDone, .command = std::move(command)};
  const SessionHandle handle = reply.command.session;
  reply.status = std::visit([&](auto& body) { return Do(body, handle, now); }, reply.command.body);
  return reply;
}

CommandStatus Worker::Do(CreateSession& create, SessionHandle, base::Timestamp now) {
  BYON_CHECK(create.session, "CreateSession carries a session");
  const session::SessionConfig& config = create.session->config();
  if (sessions_.IsPortTaken(config)) return CommandStatus::kSessionExists;
  if (sessions_.is_full()) return CommandStatus::kNoCapacity;
  const CommandStatus opened = OpenPorts(config);
  if (opened != CommandStatus::kDone) return opened;
  session::MediaSession* const session = sessions_.Insert(std::move(create.session));
  session->set_tick_slot(wheel_.Add(session));
  if (create.change) {
    // Nothing has begun yet that could forbid a first description.
    (void)session->Apply(*create.change, now, outbox_);
    PublishEvents(*session);
  }
  return CommandStatus::kDone;
}

CommandStatus Worker::OpenPorts(const session::SessionConfig& config) {
  const std::array addresses = {config.access.address, config.ims.rtp, config.ims.rtcp};
  for (size_t i = 0; i < addresses.size(); ++i) {
    const OpenPortResult result = io_.OpenPort(addresses[i]);
    if (result == OpenPortResult::kOpened) continue;
    while (i-- > 0) io_.ClosePort(addresses[i]);
    return result == OpenPortResult::kInUse ? CommandStatus::kPortInUse : CommandStatus::kPortUnusable;
  }
  return CommandStatus::kDone;
}

void Worker::ClosePorts(const session::SessionConfig& config) {
  for (const auto& address : {config.access.address, config.ims.rtp, config.ims.rtcp}) {
    io_.ClosePort(address);
  }
}

CommandStatus Worker::Do(ModifySession& modify, SessionHandle handle, base::Timestamp now) {
  session::MediaSession* const session = sessions_.FindByHandle(handle);
  if (!session) return CommandStatus::kNoSuchSession;
  const auto result = session->Apply(*modify.change, now, outbox_);
  PublishEvents(*session);
  return result == session::MediaSession::ApplyResult::kApplied ? CommandStatus::kDone : CommandStatus::kWrongState;
}

CommandStatus Worker::Do(CloseSession& close, SessionHandle handle, base::Timestamp now) {
  session::MediaSession* const session = sessions_.FindByHandle(handle);
  if (!session) return CommandStatus::kNoSuchSession;
  session->Close(close.reason.view(), now, outbox_);
  SendNow(now);
  if (close.stats) session->FillStats(*close.stats);
  drops_ += session->AllDrops();
  events_lost_ += session->events_lost();
  session->Part();
  wheel_.Remove(session->tick_slot(), session);
  ClosePorts(session->config());
  close.session = sessions_.Remove(handle);
  return CommandStatus::kDone;
}

CommandStatus Worker::Do(SendDtmf& dtmf, SessionHandle handle, base::Timestamp) {
  session::MediaSession* const session = sessions_.FindByHandle(handle);
  if (!session) return CommandStatus::kNoSuchSession;
  const std::string_view digits(dtmf.digits.begin(), dtmf.digits.size());
  const bool is_queued = session->SendDtmf(dtmf.leg, digits, dtmf.duration, dtmf.gap);
  return is_queued ? CommandStatus::kDone : CommandStatus::kNotNegotiated;
}

CommandStatus Worker::Do(PlayTone& play, SessionHandle handle, base::Timestamp) {
  session::MediaSession* const session = sessions_.FindByHandle(handle);
  if (!session) return CommandStatus::kNoSuchSession;
  return session->PlayTone(play.leg, play.tone) ? CommandStatus::kDone : CommandStatus::kNotNegotiated;
}

CommandStatus Worker::Do(PlayAnnouncement& play, SessionHandle handle, base::Timestamp) {
  session::MediaSession* const session = sessions_.FindByHandle(handle);
  if (!session) return CommandStatus::kNoSuchSession;
  return session->PlayAnnouncement(play.leg, play.clip, play.loop, play.playback_id) ? CommandStatus::kDone
                                                                                     : CommandStatus::kNotNegotiated;
}

CommandStatus Worker::Do(JoinSessions& join, SessionHandle handle, base::Timestamp) {
  session::MediaSession* const session = sessions_.FindByHandle(handle);
  if (!session) return CommandStatus::kNoSuchSession;
  session::MediaSession* const peer = sessions_.FindByHandle(join.peer);
  if (!peer) return CommandStatus::kNoSuchPeer;
  return session->Join(*peer, join.receive, join.peer_receive) ? CommandStatus::kDone : CommandStatus::kWrongState;
}

CommandStatus Worker::Do(GetStats& get, SessionHandle handle, base::Timestamp) {
  const session::MediaSession* const session = sessions_.FindByHandle(handle);
  if (!session) return CommandStatus::kNoSuchSession;
  session->FillStats(*get.stats);
  return CommandStatus::kDone;
}

CommandStatus Worker::Do(GetWorkerStats& get, SessionHandle, base::Timestamp) {
  *get.stats = Stats();
  return CommandStatus::kDone;
}

CommandStatus Worker::Do(std::monostate&, SessionHandle, base::Timestamp) { return CommandStatus::kDone; }

WorkerStats Worker::Stats() const {
  WorkerStats stats;
  stats.sessions = static_cast<uint32_t>(sessions_.size());
  stats.packets_received = packets_received_;
  stats.packets_sent = outbox_.packets_sent();
  stats.handed_over = io_.handed_over();
  stats.loops = loops_;
  stats.busy_ns = busy_ns_;
  stats.late_ticks = late_ticks_;
  stats.events_lost = events_lost_;
  stats.drops = drops_;
  for (const auto& session : sessions_) {
    stats.drops += session->AllDrops();
    stats.events_lost += session->events_lost();
  }
  return stats;
}

void Worker::PublishEvents(session::MediaSession& session) {
  while (MayPublish()) {
    const auto event = session.PollEvent();
    if (!event) return;
    Publish(EventReport{session.handle(), *event});
  }
}

bool Worker::MayPublish() {
  if (waiting_report_ && mailbox_.reports.Push(std::move(*waiting_report_))) waiting_report_.reset();
  return !waiting_report_;
}

void Worker::Publish(Report&& report) {
  if (!mailbox_.reports.Push(std::move(report))) waiting_report_ = std::move(report);
}

base::Timestamp Worker::NextDeadline(base::Timestamp now) const {
  const bool may_hear_of_handshakes = now - outbox_.last_handshake_request() < kHandshakeWatch;
  const base::Timestamp mailbox_due = now + (may_hear_of_handshakes ? kHandshakeInterval : kMailboxInterval);
  return std::min(mailbox_due, wheel_.NextDeadline(now));
}

}  // namespace byon::worker
