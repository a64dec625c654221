#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <variant>

#include "dataplane/base/fixed_vector.h"
#include "dataplane/base/spsc_ring.h"
#include "dataplane/base/time.h"
#include "dataplane/codec/amr_wb_batch.h"
#include "dataplane/pipeline/tone.h"
#include "dataplane/session/media_session.h"
#include "dataplane/session/session_change.h"
#include "dataplane/session/session_event.h"
#include "dataplane/session/session_stats.h"

// What goes through a worker's mailbox. Commands mirror media_control.proto; one control thread
// writes them and reads the reports. Heap memory is made and destroyed by the control thread only:
// every command comes back whole in its Reply, with what it replaced inside, and dies there.
namespace byon::worker {

using session::SessionHandle;

// Takes a session over, opens its ports and applies the first change (may be null). Comes back
// without the session, or with it when the status is not kDone.
struct CreateSession {
  std::unique_ptr<session::MediaSession> session;
  std::unique_ptr<session::SessionChange> change;
};
// Comes back with the parts that were replaced.
struct ModifySession {
  std::unique_ptr<session::SessionChange> change;
};
// Sends RTCP BYE on both legs. Comes back with the session; its last figures are in `stats`.
struct CloseSession {
  session::ShortText reason;
  std::unique_ptr<session::SessionStats> stats;    // to be filled; may be null
  std::unique_ptr<session::MediaSession> session;  // in the reply
};
// Queues telephone-events into the leg, after those queued before.
struct SendDtmf {
  session::Leg leg = session::Leg::kIms;
  base::FixedVector<char, 32> digits;
  base::TimeDelta duration = base::TimeDelta::Milliseconds(100);
  base::TimeDelta gap = base::TimeDelta::Milliseconds(70);
};
struct PlayTone {
  session::Leg leg = session::Leg::kAccess;
  pipeline::Tone tone = pipeline::Tone::kNone;
};
// Null stops.
struct PlayAnnouncement {
  session::Leg leg = session::Leg::kAccess;
  const pipeline::AudioClip* clip = nullptr;  // lives as long as the process serves
  bool loop = false;
  session::ShortText playback_id;
};
// Joins the IMS legs of two sessions. The decoders are for what comes on the other one's IMS leg; null
// where they stay as they are (joined again after a change). Comes back with what was replaced.
struct JoinSessions {
  SessionHandle peer = 0;
  pipeline::ReceiveSetupPtr receive;       // of `peer`'s leg, for what the session sends
  pipeline::ReceiveSetupPtr peer_receive;  // of the session's leg, for what `peer` sends
};
struct GetStats {
  std::unique_ptr<session::SessionStats> stats;  // to be filled; not null
};
struct WorkerStats {
  uint32_t sessions = 0;
  uint64_t packets_received = 0;
  uint64_t packets_sent = 0;
  uint64_t handed_over = 0;  // packets that arrived on another worker's queue
  uint64_t loops = 0;
  uint64_t busy_ns = 0;         // time in loops that had something to do
  uint64_t late_ticks = 0;      // ticks served over 5 ms after they were due
  uint64_t events_lost = 0;     // for want of room while the control thread did not read
  session::DropCounters drops;  // those of closed sessions too
};
struct GetWorkerStats {
  std::unique_ptr<WorkerStats> stats;  // to be filled; not null
};

using CommandBody = std::variant<std::monostate, CreateSession, ModifySession, CloseSession, SendDtmf, PlayTone,
                                 PlayAnnouncement, JoinSessions, GetStats, GetWorkerStats>;
struct Command {
  uint64_t id = 0;  // the sender's; returned in the reply
  SessionHandle session = 0;
  CommandBody body;
};

enum class CommandStatus : uint8_t {
  kDone,
  kNoSuchSession,
  kSessionExists,  // the handle, or one of the local ports, is in use on this worker
  kPortInUse,      // somebody else on this machine has one of the ports: try others
  kPortUnusable,   // the address is not of this machine, or no descriptor is left
  kNoCapacity,     // the worker's session table is full
  kWrongState,     // the session is in a state that forbids it (FAILED_PRECONDITION)
  kNoSuchPeer,     // the session to join with
  kNotNegotiated,  // no telephone-event or codec to play with, or no room for the digits
};

struct Reply {
  CommandStatus status = CommandStatus::kDone;
  Command command;
};
struct EventReport {
  SessionHandle session = 0;
  session::SessionEvent event;
};
using Report = std::variant<std::monostate, Reply, EventReport>;

// A worker takes no command while a report of its own waits for room, and leaves events with their
// sessions meanwhile. The control thread must keep reading: a session holds only so many.
struct WorkerMailbox {
  base::SpscRing<Command, 1024> commands;  // control thread -> worker
  base::SpscRing<Report, 4096> reports;    // worker -> control thread
  // What the control thread has to bind this worker's AMR-WB encoders to (PrepareSessionChange()), and
  // nothing more; null: to the codec library. Set by the worker's constructor, constant afterwards.
  codec::AmrWbBatch* amr_wb_batch = nullptr;
};

}  // namespace byon::worker
