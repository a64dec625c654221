#pragma once

#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/base/prefetch.h"
#include "dataplane/base/time.h"
#include "dataplane/rtp/rtp_packet_view.h"
#include "dataplane/session/descriptions.h"
#include "dataplane/session/drop_counters.h"
#include "dataplane/session/media_budget.h"
#include "dataplane/session/rtcp_reporter.h"
#include "dataplane/session/session_output.h"
#include "dataplane/session/silence_watch.h"
#include "dataplane/session/web_rtc_transport.h"

namespace byon::session {

// The browser's side of a call's media: SRTP over ICE, SRTCP, hold, and the watch over silence.
class AccessLeg {
 public:
  AccessLeg(const SessionConfig& config, DropCounters& drops);

  void Apply(const AccessRemote& remote, base::Timestamp now, SessionOutput& output);

  // Deals with everything but RTP, for which it answers the session to decrypt with.
  srtp::SrtpSession* HandleDatagram(const net::SocketAddress& from, base::MutableByteSpan datagram, base::Timestamp now,
                                    SessionOutput& output);
  // A decrypted packet: counted, and given back to go on when the direction lets it.
  std::optional<rtp::RtpPacketView> AdmitRtp(const net::SocketAddress& from, base::ByteSpan packet,
                                             base::Timestamp now);
  // The first `size` bytes of `buffer` are a plain RTP packet for the browser; `timestamp` is what
  // the stream's clock says at `now` (a telephone-event's own stands still).
  void SendRtp(const TxBuffer& buffer, size_t size, rtp::RtpTimestamp timestamp, base::Timestamp now,
               SessionOutput& output);
  void HandleTick(base::Timestamp now, SessionOutput& output);
  void Close(std::string_view reason, base::Timestamp now, SessionOutput& output);

  // How long it has been silent, when that is worth telling.
  std::optional<base::TimeDelta> CheckSilence(base::Timestamp now);

  // Asks for the memory that media and ticks need.
  void Prefetch() const {
    base::Prefetch(this, 160 + WebRtcTransport::kHotBytes);
    base::Prefetch(&reporter_, RtcpReporter::kHotBytes);
  }

  bool may_receive() const { return MayReceive(direction_); }
  bool may_send() const { return MaySend(direction_) && transport_.may_send(); }
  WebRtcTransport& transport() { return transport_; }
  const WebRtcTransport& transport() const { return transport_; }
  RtcpReporter& reporter() { return reporter_; }
  const RtcpReporter& reporter() const { return reporter_; }

 private:
  void HandleSrtcp(const net::SocketAddress& from, base::MutableByteSpan datagram, base::Timestamp now,
                   SessionOutput& output);
  template <typename Write>
  void SendRtcp(SessionOutput& output, Write&& write);

  DropCounters& drops_;
  Direction direction_ = Direction::kSendRecv;
  MediaBudget budget_;
  SilenceWatch silence_;
  WebRtcTransport transport_;
  RtcpReporter reporter_;
};

}  // namespace byon::session
