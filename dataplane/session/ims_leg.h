#pragma once

#include <bitset>
#include <optional>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/base/prefetch.h"
#include "dataplane/base/time.h"
#include "dataplane/rtp/rtp_packet_view.h"
#include "dataplane/session/descriptions.h"
#include "dataplane/session/drop_counters.h"
#include "dataplane/session/media_budget.h"
#include "dataplane/session/plain_rtp_transport.h"
#include "dataplane/session/rtcp_reporter.h"
#include "dataplane/session/session_output.h"
#include "dataplane/session/silence_watch.h"

namespace byon::session {

// The operator's side of a call's media: plain RTP and RTCP, hold, and the watch over silence.
class ImsLeg {
 public:
  ImsLeg(const SessionConfig& config, DropCounters& drops);

  // True when the media comes from a new source from now on.
  bool Apply(const ImsRemote& remote);
  void SetPayloadTypes(const std::bitset<128>& payload_types) { payload_types_ = payload_types; }

  // Deals with RTCP; within the budget an RTP packet is counted and given back to go on when source and direction let
  // it. The view is into `datagram`.
  std::optional<rtp::RtpPacketView> HandleDatagram(bool came_to_rtcp_port, const net::SocketAddress& from,
                                                   base::ByteSpan datagram, base::Timestamp now, SessionOutput& output);
  // The first `size` bytes of `buffer` are an RTP packet for the IMS; `timestamp` is what the
  // stream's clock says at `now` (a telephone-event's own stands still).
  void SendRtp(const TxBuffer& buffer, size_t size, rtp::RtpTimestamp timestamp, base::Timestamp now,
               SessionOutput& output);
  void HandleTick(base::Timestamp now, SessionOutput& output);
  void Close(std::string_view reason, base::Timestamp now, SessionOutput& output);

  std::optional<base::TimeDelta> CheckSilence(base::Timestamp now) { return silence_.Check(now); }

  // Asks for the memory that media and ticks need.
  void Prefetch() const {
    base::Prefetch(this, 64 + PlainRtpTransport::kHotBytes);
    base::Prefetch(&reporter_, RtcpReporter::kHotBytes);
  }

  bool may_receive() const { return MayReceive(direction_); }
  bool may_send() const { return MaySend(direction_) && transport_.may_send(); }
  const ShortText& stream_id() const { return transport_.stream_id(); }
  RtcpReporter& reporter() { return reporter_; }
  const RtcpReporter& reporter() const { return reporter_; }

 private:
  template <typename Write>
  void SendRtcp(SessionOutput& output, Write&& write);

  DropCounters& drops_;
  MediaBudget budget_;
  Direction direction_ = Direction::kSendRecv;
  std::bitset<128> payload_types_;
  SilenceWatch silence_;
  PlainRtpTransport transport_;
  RtcpReporter reporter_;
};

}  // namespace byon::session
