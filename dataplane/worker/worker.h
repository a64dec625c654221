#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "dataplane/base/time.h"
#include "dataplane/base/timer_wheel.h"
#include "dataplane/codec/amr_wb_batch.h"
#include "dataplane/session/session_table.h"
#include "dataplane/worker/commands.h"
#include "dataplane/worker/handshake_mailbox.h"
#include "dataplane/worker/outbox.h"
#include "dataplane/worker/packet_io.h"

namespace byon::worker {

struct WorkerConfig {
  size_t session_capacity = 2000;
  srtp::SrtpBackend srtp_backend = srtp::DefaultSrtpBackend();
  bool use_amr_wb_batch = true;  // where the CPU can; else the codec library encodes AMR-WB
};

// One pinned core's whole work: it owns its packet I/O, its sessions and its timer wheel and shares
// nothing; other threads reach it by rings. The thread that runs it calls RunOnce() for ever.
class Worker {
 public:
  // A tick served later than this is counted.
  static constexpr base::TimeDelta kLateTick = base::TimeDelta::Milliseconds(5);

  // What is referred to must outlive the worker.
  Worker(const WorkerConfig& config, PacketIo& io, WorkerMailbox& mailbox, HandshakeMailbox& handshakes);

  // What the wall clock (since 1970) is ahead of the monotonic clock; for RTCP.
  void SetWallClockOffset(base::TimeDelta offset) { wall_clock_offset_ = offset; }

  // One turn: packets, handshakes, commands, due ticks, sending. When there was nothing to do, it
  // waits in the packet I/O until the next tick at most.
  void RunOnce(base::Timestamp now);

  WorkerStats Stats() const;
  size_t session_count() const { return sessions_.size(); }

 private:
  using Wheel = base::TimerWheel<session::MediaSession*>;

  bool ServePackets(base::Timestamp now);
  // Finds the sessions of received datagrams and hands each its own; those to be decrypted are put into the
  // burst, whose size is returned.
  size_t ServeReceived(size_t count, base::Timestamp now);
  bool ServeHandshakes();
  bool ServeCommands(base::Timestamp now);
  bool ServeTicks(base::Timestamp now);
  void SendNow(base::Timestamp now);
  base::Timestamp NextDeadline(base::Timestamp now) const;

  Reply Execute(Command command, base::Timestamp now);
  CommandStatus Do(CreateSession& create, SessionHandle handle, base::Timestamp now);
  CommandStatus Do(ModifySession& modify, SessionHandle handle, base::Timestamp now);
  CommandStatus Do(CloseSession& close, SessionHandle handle, base::Timestamp now);
  CommandStatus Do(SendDtmf& dtmf, SessionHandle handle, base::Timestamp now);
  CommandStatus Do(PlayTone& play, SessionHandle handle, base::Timestamp now);
  CommandStatus Do(PlayAnnouncement& play, SessionHandle handle, base::Timestamp now);
  CommandStatus Do(JoinSessions& join, SessionHandle handle, base::Timestamp now);
  CommandStatus Do(GetStats& get, SessionHandle handle, base::Timestamp now);
  CommandStatus Do(GetWorkerStats& get, SessionHandle handle, base::Timestamp now);
  CommandStatus Do(std::monostate&, SessionHandle handle, base::Timestamp now);
  CommandStatus OpenPorts(const session::SessionConfig& config);
  void ClosePorts(const session::SessionConfig& config);

  void PublishEvents(session::MediaSession& session);
  void Publish(Report&& report);
  // Whether no report is waiting for room.
  bool MayPublish();

  PacketIo& io_;
  WorkerMailbox& mailbox_;
  HandshakeMailbox& handshakes_;
  session::DropCounters drops_;  // outside sessions, and of closed ones
  Outbox outbox_;
  std::unique_ptr<codec::AmrWbBatch> amr_wb_batch_;  // null: the sessions encode by the library
  session::SessionTable sessions_;
  Wheel wheel_;
  std::optional<Report> waiting_report_;
  base::TimeDelta wall_clock_offset_;

  static constexpr size_t kReceiveBurst = 64;
  std::array<ReceivedDatagram, kReceiveBurst> received_;
  std::array<session::SessionTable::Match, kReceiveBurst> matches_{};  // of received_
  std::array<srtp::BurstPacket, kReceiveBurst> burst_;
  std::array<size_t, kReceiveBurst> burst_origin_{};  // index into received_

  uint64_t packets_received_ = 0;
  uint64_t loops_ = 0;
  uint64_t busy_ns_ = 0;
  uint64_t late_ticks_ = 0;
  uint64_t events_lost_ = 0;  // of closed sessions
  base::Timestamp last_turn_;
  bool was_busy_ = false;
};

}  // namespace byon::worker
