#pragma once

#include "dataplane/base/time.h"
#include "dataplane/rtp/ntp_time.h"
#include "dataplane/session/datagram.h"
#include "dataplane/session/handshake_messages.h"
#include "dataplane/srtp/srtp_session.h"

namespace byon::session {

// Where a session's packets go while it is being handled: the worker's outbox, or a test's.
class SessionOutput {
 public:
  virtual ~SessionOutput() = default;

  // Lends a buffer to write a packet into; empty when none is left. Every lent buffer goes back by
  // Send() or Free().
  [[nodiscard]] virtual TxBuffer Allocate() = 0;
  virtual void Free(const TxBuffer& buffer) = 0;
  // Takes a finished packet. `protect` is null for plain packets; else RTP is protected with it, in a
  // burst with others, before it leaves.
  virtual void Send(const OutgoingDatagram& datagram, srtp::SrtpSession* protect) = 0;
  // Passes a message to the handshake thread; false when there is no room for it.
  [[nodiscard]] virtual bool SendToHandshake(HandshakeRequest&& request) = 0;

  // This thread's cipher, for SRTCP (RTP goes in bursts).
  virtual srtp::SrtpTransform& transform() = 0;
  // The moment that is being handled, which a late tick's own time lies before, and the wall clock then.
  virtual base::Timestamp time() const = 0;
  virtual rtp::NtpTime wall_clock() const = 0;
};

}  // namespace byon::session
