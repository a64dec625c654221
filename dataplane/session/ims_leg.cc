#include "dataplane/session/ims_leg.h"

namespace byon::session {

ImsLeg::ImsLeg(const SessionConfig& config, DropCounters& drops)
    : drops_(drops),
      budget_(config.ims_limit),
      silence_(config.ims_media_timeout),
      transport_(config.ims, config.ims_dscp, drops),
      reporter_(rtp::Ssrc{config.ims.ssrc}, config.cname, config.random_seed ^ 0x1b5) {}

bool ImsLeg::Apply(const ImsRemote& remote) {
  if (remote.direction) direction_ = *remote.direction;
  if (remote.rtcp_parameters) reporter_.SetParameters(*remote.rtcp_parameters);
  return transport_.Apply(remote);
}

std::optional<rtp::RtpPacketView> ImsLeg::HandleDatagram(bool came_to_rtcp_port, const net::SocketAddress& from,
                                                         base::ByteSpan datagram, base::Timestamp now,
                                                         SessionOutput& output) {
  const auto datagram_class = transport_.Admit(came_to_rtcp_port, from, datagram);
  if (datagram_class == rtp::DatagramClass::kUnknown) return std::nullopt;
  if (!budget_.HasAny(now)) return drops_.Count(DropReason::kImsMediaOverBudget), std::nullopt;
  budget_.Spend(datagram.size());
  if (datagram_class == rtp::DatagramClass::kRtcp) {
    const auto reason = reporter_.HandleRtcp(datagram, now, output.wall_clock());
    if (reason) drops_.Count(*reason);
    return std::nullopt;
  }
  const auto view = rtp::RtpPacketView::Parse(datagram);
  if (!view) return drops_.Count(view.error()), std::nullopt;
  // Only what was agreed on may fix the source that is being learned.
  if (payload_types_[view->payload_type().value]) {
    transport_.OnMedia(from, now);
    reporter_.OnRtpReceived(*view, now);
  }
  if (!may_receive()) return drops_.Count(DropReason::kNotReceiving), std::nullopt;
  silence_.OnMedia(now);
  return *view;
}

void ImsLeg::SendRtp(const TxBuffer& buffer, size_t size, rtp::RtpTimestamp timestamp, base::Timestamp now,
                     SessionOutput& output) {
  reporter_.OnRtpSent(timestamp, size - rtp::kRtpFixedHeaderBytes, now);
  transport_.SendRtp(buffer, size, output);
}

template <typename Write>
void ImsLeg::SendRtcp(SessionOutput& output, Write&& write) {
  const TxBuffer buffer = output.Allocate();
  if (!buffer) return drops_.Count(DropReason::kNoTxBuffer);
  transport_.SendRtcp(buffer, write(buffer.bytes()), output);
}

void ImsLeg::HandleTick(base::Timestamp now, SessionOutput& output) {
  reporter_.HandleTick(now);
  const bool is_open = transport_.may_send();
  silence_.SetExpected(is_open && may_receive(), now);
  if (!is_open || !reporter_.IsDue(now)) return;
  SendRtcp(output, [&](base::MutableByteSpan room) {
    // The same instant by both clocks, however late this tick is served.
    return reporter_.WriteReport(room, output.time(), output.wall_clock());
  });
}

void ImsLeg::Close(std::string_view reason, base::Timestamp now, SessionOutput& output) {
  if (!transport_.may_send()) return;
  SendRtcp(output,
           [&](base::MutableByteSpan room) { return reporter_.WriteBye(room, reason, now, output.wall_clock()); });
}

}  // namespace byon::session
