#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/base/time.h"
#include "dataplane/net/socket_address.h"
#include "dataplane/rtp/datagram_class.h"
#include "dataplane/session/descriptions.h"
#include "dataplane/session/drop_counters.h"
#include "dataplane/session/session_event.h"
#include "dataplane/session/session_output.h"

namespace byon::session {

// RTP/AVP or AVPF towards the IMS: an RTP port, an RTCP port or both in one, and one remote end from
// whose address alone packets are taken.
class PlainRtpTransport {
 public:
  // With symmetric RTP the first source is taken; for this long after its first packet the signalled
  // address, should it speak after all, takes its place. Then the source is fixed.
  static constexpr base::TimeDelta kLearningWindow = base::TimeDelta::Milliseconds(500);

  PlainRtpTransport(const ImsLocal& local, uint8_t default_dscp, DropCounters& drops);

  // Takes over a description; true when media comes from another place now (address or early dialog),
  // so that the stream has to be taken as new.
  bool Apply(const ImsRemote& remote);

  // What a datagram is when it may pass: kRtp or kRtcp; kUnknown when it was dropped.
  rtp::DatagramClass Admit(bool came_to_rtcp_port, const net::SocketAddress& from, base::ByteSpan datagram);
  // An admitted RTP packet proved to be media that was agreed on.
  void OnMedia(const net::SocketAddress& from, base::Timestamp now);

  void SendRtp(const TxBuffer& buffer, size_t size, SessionOutput& output);
  void SendRtcp(const TxBuffer& buffer, size_t size, SessionOutput& output);
  bool may_send() const { return rtp_remote_.has_value(); }

  // From its beginning, what media looks at.
  static constexpr size_t kHotBytes = 128;
  const ShortText& stream_id() const { return stream_id_; }
  const std::optional<net::SocketAddress>& rtp_remote() const { return rtp_remote_; }

 private:
  enum class Learning : uint8_t { kOff, kWaiting, kProvisional, kFixed };

  bool IsFromRemote(bool is_rtcp, const net::SocketAddress& from) const;
  void Learn(const net::SocketAddress& from);
  void Send(const TxBuffer& buffer, size_t size, const net::SocketAddress& source,
            const std::optional<net::SocketAddress>& destination, SessionOutput& output);

  // What media looks at comes first: kHotBytes.
  const ImsLocal local_;
  const uint8_t default_dscp_;
  DropCounters& drops_;
  uint8_t dscp_;
  bool is_muxed_ = false;
  Learning learning_ = Learning::kOff;
  std::optional<net::SocketAddress> rtp_remote_;  // signalled or learned
  std::optional<net::SocketAddress> rtcp_remote_;
  std::optional<net::SocketAddress> signalled_rtp_;
  base::Timestamp learned_at_;
  ShortText stream_id_;
};

}  // namespace byon::session
