#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/base/time.h"
#include "dataplane/session/descriptions.h"
#include "dataplane/session/drop_counters.h"
#include "dataplane/session/session_output.h"
#include "dataplane/worker/handshake_mailbox.h"
#include "dataplane/worker/packet_io.h"

namespace byon::worker {

// Collects what the sessions of a worker send and passes it on in bursts: that is where SRTP with
// ipsec-mb and the sockets' batched calls gain their speed.
class Outbox final : public session::SessionOutput {
 public:
  // Counts in `drops` what dies here.
  Outbox(PacketIo& io, HandshakeMailbox& handshakes, srtp::SrtpBackend backend, session::DropCounters& drops);

  // The moment that is being handled, and the same on the wall clock.
  void SetTime(base::Timestamp now, rtp::NtpTime wall_clock) {
    now_ = now;
    wall_clock_ = wall_clock;
  }
  // Protects and hands to the packet I/O everything that is queued. Must be called before SRTP state
  // that queued packets may need goes away.
  void Flush();
  // Tells the handshake thread of what was sent to it, and retries what had no room.
  void FlushHandshakes();

  TxBuffer Allocate() override { return io_.Allocate(); }
  void Free(const TxBuffer& buffer) override { io_.Free(buffer); }
  void Send(const OutgoingDatagram& datagram, srtp::SrtpSession* protect) override;
  [[nodiscard]] bool SendToHandshake(session::HandshakeRequest&& request) override;
  srtp::SrtpTransform& transform() override { return *transform_; }
  base::Timestamp time() const override { return now_; }
  rtp::NtpTime wall_clock() const override { return wall_clock_; }

  uint64_t packets_sent() const { return packets_sent_; }
  base::Timestamp last_handshake_request() const { return last_handshake_request_; }

 private:
  void FlushPlain();
  void FlushProtected();

  PacketIo& io_;
  HandshakeMailbox& handshakes_;
  session::DropCounters& drops_;
  std::unique_ptr<srtp::SrtpTransform> transform_;
  base::Timestamp now_;
  rtp::NtpTime wall_clock_;

  std::array<OutgoingDatagram, srtp::kMaxBurst> plain_;
  size_t plain_count_ = 0;
  std::array<OutgoingDatagram, srtp::kMaxBurst> to_protect_;
  std::array<srtp::BurstPacket, srtp::kMaxBurst> burst_;
  size_t to_protect_count_ = 0;
  uint64_t packets_sent_ = 0;

  bool owes_notice_ = false;
  base::Timestamp last_handshake_request_ = base::Timestamp::FromNanoseconds(INT64_MIN / 2);
  // Ends of associations that found the ring full: lost, they would stay on the other side for ever.
  std::vector<std::pair<session::SessionHandle, uint32_t>> owed_stops_;
};

}  // namespace byon::worker
