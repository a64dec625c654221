#include "dataplane/session/access_leg.h"

namespace byon::session {

AccessLeg::AccessLeg(const SessionConfig& config, DropCounters& drops)
    : drops_(drops),
      budget_(config.access_limit),
      silence_(config.access_media_timeout),
      transport_(config.handle, config.access, config.access_dscp, drops),
      reporter_(rtp::Ssrc{config.access.ssrc}, config.cname, config.random_seed ^ 0xacce55,
                RtcpReporter::UselessPackets::kLost) {}

void AccessLeg::Apply(const AccessRemote& remote, base::Timestamp now, SessionOutput& output) {
  if (remote.direction) direction_ = *remote.direction;
  if (remote.rtcp_parameters) reporter_.SetParameters(*remote.rtcp_parameters);
  transport_.Apply(remote, now, output);
}

srtp::SrtpSession* AccessLeg::HandleDatagram(const net::SocketAddress& from, base::MutableByteSpan datagram,
                                             base::Timestamp now, SessionOutput& output) {
  const rtp::DatagramClass datagram_class = transport_.HandleDatagram(from, datagram, now, output);
  if (datagram_class == rtp::DatagramClass::kUnknown) return nullptr;
  if (!budget_.HasAny(now)) return drops_.Count(DropReason::kMediaOverBudget), nullptr;
  if (datagram_class == rtp::DatagramClass::kRtp) return transport_.inbound();
  HandleSrtcp(from, datagram, now, output);
  return nullptr;
}

void AccessLeg::HandleSrtcp(const net::SocketAddress& from, base::MutableByteSpan datagram, base::Timestamp now,
                            SessionOutput& output) {
  const auto size = transport_.inbound()->UnprotectRtcp(output.transform(), datagram);
  if (!size) return drops_.Count(size.error());
  budget_.Spend(*size);
  transport_.OnAuthenticatedMedia(from, now);
  if (const auto reason = reporter_.HandleRtcp(datagram.first(*size), now, output.wall_clock())) {
    drops_.Count(*reason);
  }
}

std::optional<rtp::RtpPacketView> AccessLeg::AdmitRtp(const net::SocketAddress& from, base::ByteSpan packet,
                                                      base::Timestamp now) {
  budget_.Spend(packet.size());
  transport_.OnAuthenticatedMedia(from, now);
  const auto view = rtp::RtpPacketView::Parse(packet);
  if (!view) return drops_.Count(view.error()), std::nullopt;
  reporter_.OnRtpReceived(*view, now);
  if (!may_receive()) return drops_.Count(DropReason::kNotReceiving), std::nullopt;
  silence_.OnMedia(now);
  return *view;
}

void AccessLeg::SendRtp(const TxBuffer& buffer, size_t size, rtp::RtpTimestamp timestamp, base::Timestamp now,
                        SessionOutput& output) {
  reporter_.OnRtpSent(timestamp, size - rtp::kRtpFixedHeaderBytes, now);
  transport_.SendRtp(buffer, size, output);
}

template <typename Write>
void AccessLeg::SendRtcp(SessionOutput& output, Write&& write) {
  const TxBuffer buffer = output.Allocate();
  if (!buffer) return drops_.Count(DropReason::kNoTxBuffer);
  const size_t room = buffer.capacity - srtp::kMaxRtcpOverheadBytes;
  transport_.SendRtcp(buffer, write(buffer.bytes().first(room)), output);
}

void AccessLeg::HandleTick(base::Timestamp now, SessionOutput& output) {
  transport_.HandleTimeout(now, output);
  reporter_.HandleTick(now);
  const bool is_open = transport_.may_send();
  silence_.SetExpected(is_open && may_receive(), now);
  if (!is_open || !reporter_.IsDue(now)) return;
  SendRtcp(output, [&](base::MutableByteSpan room) {
    // The same instant by both clocks, however late this tick is served.
    return reporter_.WriteReport(room, output.time(), output.wall_clock());
  });
}

void AccessLeg::Close(std::string_view reason, base::Timestamp now, SessionOutput& output) {
  if (transport_.may_send()) {
    SendRtcp(output,
             [&](base::MutableByteSpan room) { return reporter_.WriteBye(room, reason, now, output.wall_clock()); });
  }
  transport_.Close(output);
}

std::optional<base::TimeDelta> AccessLeg::CheckSilence(base::Timestamp now) { return silence_.Check(now); }

}  // namespace byon::session
