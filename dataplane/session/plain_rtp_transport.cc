#include "dataplane/session/plain_rtp_transport.h"

namespace byon::session {
namespace {

// RFC 3264 section 5.1 (port 0) and RFC 2543-style hold (c=0.0.0.0): there is nowhere to send to.
bool IsReachable(const net::SocketAddress& address) { return address.port != 0 && !address.ip.is_unspecified(); }

net::SocketAddress PortAfter(net::SocketAddress address) {
  address.port = static_cast<uint16_t>(address.port + 1);
  return address;
}

}  // namespace

PlainRtpTransport::PlainRtpTransport(const ImsLocal& local, uint8_t default_dscp, DropCounters& drops)
    : local_(local), default_dscp_(default_dscp), drops_(drops), dscp_(default_dscp) {}

bool PlainRtpTransport::Apply(const ImsRemote& remote) {
  bool is_new_source = false;
  dscp_ = remote.dscp != 0 ? remote.dscp : default_dscp_;
  const ShortText stream_id(remote.stream_id);
  if (!(stream_id == stream_id_)) {
    stream_id_ = stream_id;
    is_new_source = true;
  }
  if (!remote.rtp) return is_new_source;
  is_muxed_ = remote.rtcp_mux;
  if (signalled_rtp_ != remote.rtp) is_new_source = true;
  const bool is_known = !is_new_source && rtp_remote_.has_value();
  signalled_rtp_ = remote.rtp;
  // A repeated description does not undo what was learned about the same source.
  if (is_known && remote.symmetric_rtp && learning_ != Learning::kOff) return false;
  if (!IsReachable(*remote.rtp)) {
    rtp_remote_.reset();
    rtcp_remote_.reset();
    learning_ = Learning::kOff;
    return is_new_source;
  }
  rtp_remote_ = remote.rtp;
  rtcp_remote_ = is_muxed_ ? remote.rtp : remote.rtcp ? remote.rtcp : PortAfter(*remote.rtp);
  learning_ = remote.symmetric_rtp ? Learning::kWaiting : Learning::kOff;
  return is_new_source;
}

rtp::DatagramClass PlainRtpTransport::Admit(bool came_to_rtcp_port, const net::SocketAddress& from,
                                            base::ByteSpan datagram) {
  constexpr auto kDropped = rtp::DatagramClass::kUnknown;
  const rtp::DatagramClass datagram_class = rtp::ClassifyDatagram(datagram);
  const bool is_rtcp = datagram_class == rtp::DatagramClass::kRtcp;
  if (datagram_class == rtp::DatagramClass::kUnknown) {
    return drops_.Count(DropReason::kUnknownClass), kDropped;
  }
  if (!is_rtcp && datagram_class != rtp::DatagramClass::kRtp) {
    return drops_.Count(DropReason::kUnexpectedClass), kDropped;
  }
  if (came_to_rtcp_port && !is_rtcp) {
    return drops_.Count(DropReason::kRtpOnRtcpPort), kDropped;
  }
  if (!came_to_rtcp_port && is_rtcp && !is_muxed_) {
    return drops_.Count(DropReason::kRtcpOnRtpPort), kDropped;
  }
  if (!rtp_remote_) return drops_.Count(DropReason::kNoRemote), kDropped;
  if (!IsFromRemote(is_rtcp, from)) {
    return drops_.Count(DropReason::kStrangeSource), kDropped;
  }
  return datagram_class;
}

bool PlainRtpTransport::IsFromRemote(bool is_rtcp, const net::SocketAddress& from) const {
  switch (learning_) {
    case Learning::kOff:
    case Learning::kFixed: break;
    case Learning::kWaiting: return !is_rtcp || from == rtcp_remote_;
    case Learning::kProvisional:
      if (!is_rtcp && from == signalled_rtp_) return true;
      break;
  }
  if (!is_rtcp) return from == rtp_remote_;
  // Behind a NAT the RTCP port is anybody's guess; the address is not.
  return learning_ == Learning::kOff ? from == rtcp_remote_ : from.ip == rtp_remote_->ip;
}

void PlainRtpTransport::OnMedia(const net::SocketAddress& from, base::Timestamp now) {
  switch (learning_) {
    case Learning::kOff:
    case Learning::kFixed: return;
    case Learning::kWaiting:
      Learn(from);
      learned_at_ = now;
      learning_ = from == signalled_rtp_ ? Learning::kFixed : Learning::kProvisional;
      return;
    case Learning::kProvisional:
      if (now - learned_at_ > kLearningWindow) {
        learning_ = Learning::kFixed;
      } else if (from == signalled_rtp_) {
        Learn(from);
        learning_ = Learning::kFixed;
      }
      return;
  }
}

void PlainRtpTransport::Learn(const net::SocketAddress& from) {
  if (rtp_remote_ == from) return;
  rtp_remote_ = from;
  rtcp_remote_ = is_muxed_ ? from : PortAfter(from);
}

void PlainRtpTransport::SendRtp(const TxBuffer& buffer, size_t size, SessionOutput& output) {
  Send(buffer, size, local_.rtp, rtp_remote_, output);
}

void PlainRtpTransport::SendRtcp(const TxBuffer& buffer, size_t size, SessionOutput& output) {
  Send(buffer, size, is_muxed_ ? local_.rtp : local_.rtcp, rtcp_remote_, output);
}

void PlainRtpTransport::Send(const TxBuffer& buffer, size_t size, const net::SocketAddress& source,
                             const std::optional<net::SocketAddress>& destination, SessionOutput& output) {
  if (!destination) {
    drops_.Count(DropReason::kNoDestination);
    return output.Free(buffer);
  }
  output.Send({buffer, size, source, *destination, dscp_}, nullptr);
}

}  // namespace byon::session
