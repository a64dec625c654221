#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/base/fixed_vector.h"
#include "dataplane/base/time.h"
#include "dataplane/ice/ice_lite_agent.h"
#include "dataplane/rtp/datagram_class.h"
#include "dataplane/session/descriptions.h"
#include "dataplane/session/drop_counters.h"
#include "dataplane/session/handshake_messages.h"
#include "dataplane/session/session_event.h"
#include "dataplane/session/session_output.h"
#include "dataplane/session/session_stats.h"
#include "dataplane/session/token_bucket.h"

namespace byon::session {

// ICE, DTLS and SRTP of the access leg on one local address. ICE comes first: DTLS is looked at only from
// an address that passed an authenticated check, and nothing but STUN answers and handshakes goes to
// another address than the selected one. A browser whose NAT has given it another address speaks from
// there before it checks from there: while a pair is selected, SRTP is let in from anywhere when it is
// authentic, fresh and of an SSRC heard before (RFC 8445 section 12.2 expects new source addresses).
class WebRtcTransport {
 public:
  WebRtcTransport(SessionHandle session, const AccessLocal& local, uint8_t dscp, DropCounters& drops);

  // Whether the description keeps the DTLS role of an association that has begun, or brings the new
  // fingerprints that start another one (RFC 8842 section 5).
  bool MayApply(const AccessRemote& remote) const;
  void Apply(const AccessRemote& remote, base::Timestamp now, SessionOutput& output);
  void RestartIce(const IceCredentials& local, base::Timestamp now) { ice_.RestartIce(local, now); }

  // Deals with STUN and DTLS and drops what may not pass; kRtp or kRtcp is left for the caller to
  // decrypt with inbound(), kUnknown means that nothing is left to do.
  rtp::DatagramClass HandleDatagram(const net::SocketAddress& from, base::ByteSpan datagram, base::Timestamp now,
                                    SessionOutput& output);
  // A packet from `from` passed SRTP authentication: a sign of life (RFC 7675 by our own rule) when that is
  // the selected address, and else nothing but a place from which more may come.
  void OnAuthenticatedMedia(const net::SocketAddress& from, base::Timestamp now);
  void HandleHandshake(HandshakeReport& report, SessionOutput& output);
  void HandleTimeout(base::Timestamp now, SessionOutput& output);
  // Forgets the association; says so to the peer (close_notify) as far as one datagram does.
  void Close(SessionOutput& output);
  std::optional<SessionEvent> PollEvent();

  // Sends a packet that is already in a buffer, over SRTP, to the selected address; takes the buffer.
  void SendRtp(const TxBuffer& buffer, size_t size, SessionOutput& output);
  void SendRtcp(const TxBuffer& buffer, size_t size, SessionOutput& output);
  // Whether there are keys and a selected address.
  bool may_send() const { return srtp_.outbound && ice_.selected_remote(); }

  // From its beginning, what media and ticks look at where nothing happens.
  static constexpr size_t kHotBytes = 64 + ice::IceLiteAgent::kHotBytes;
  srtp::SrtpSession* inbound() { return srtp_.inbound.get(); }
  const srtp::SrtpSession* inbound() const { return srtp_.inbound.get(); }
  const srtp::SrtpSession* outbound() const { return srtp_.outbound.get(); }
  TransportState state() const;
  uint64_t events_lost() const { return events_lost_; }
  bool is_handshaking() const { return dtls_ == DtlsState::kHandshaking; }

 private:
  // An alert in one record, of any of our ciphers.
  static constexpr size_t kMaxFarewellBytes = 96;
  enum class DtlsState : uint8_t { kIdle, kHandshaking, kConnected, kFailed };

  bool AdmitsMedia(const net::SocketAddress& from, base::ByteSpan datagram, rtp::DatagramClass datagram_class,
                   base::Timestamp now);
  void HandleStun(const net::SocketAddress& from, base::ByteSpan datagram, base::Timestamp now, SessionOutput& output);
  void HandleDtls(const net::SocketAddress& from, base::ByteSpan datagram, base::Timestamp now, SessionOutput& output);
  void DrainIce(SessionOutput& output);
  bool StartDtls(SessionOutput& output);
  void SendFingerprints(SessionOutput& output);
  void SendDtls(base::ByteSpan bytes, SessionOutput& output);
  void KeepFarewell(base::ByteSpan bytes);
  void Fail(FailureCause cause);
  void PushEvent(const SessionEvent& event);
  HandshakeRequest MakeRequest(HandshakeRequest::Kind kind) const;

  const SessionHandle session_;
  const net::SocketAddress local_;
  const uint8_t dscp_;
  DropCounters& drops_;
  SrtpPair srtp_;
  bool is_consent_lost_ = false;
  bool is_ice_failed_ = false;
  bool has_events_ = false;
  bool owes_fingerprints_ = false;  // the ring to the handshake thread was full
  DtlsState dtls_ = DtlsState::kIdle;
  // Behind it is what packets and ticks do not look at where nothing happens: see kHotBytes.
  ice::IceLiteAgent ice_;

  uint32_t association_ = 0;            // grows with each new one
  std::optional<dtls::DtlsRole> role_;  // as signalled
  dtls::DtlsRole association_role_ = dtls::DtlsRole::kServer;
  Fingerprints fingerprints_;
  std::optional<net::SocketAddress> dtls_remote_;
  // Made with the keys: the thread that could make it cannot be asked when the session ends.
  base::FixedVector<std::byte, kMaxFarewellBytes> farewell_;
  TokenBucket dtls_budget_;
  // Passed no check yet, but what came from there last was authentic.
  std::optional<net::SocketAddress> unverified_media_source_;
  TokenBucket unverified_media_budget_;
  base::FixedVector<SessionEvent, 16> events_;
  uint64_t events_lost_ = 0;
};

}  // namespace byon::session
