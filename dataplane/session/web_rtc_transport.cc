#include "dataplane/session/web_rtc_transport.h"

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>
#include <variant>

namespace byon::session {
namespace {

// A handshake takes four flights of at most three datagrams, and retransmissions. What is above this
// is an attack on the handshake thread from an address that knows the ICE password.
constexpr int64_t kDtlsBurst = 64;
constexpr int64_t kDtlsPerSecond = 32;
// Tags tried for addresses that passed no check: a whole burst of a browser that has moved, and then too few
// for guessing to cost anything.
constexpr int64_t kUnverifiedMediaBurst = 64;
constexpr int64_t kUnverifiedMediaPerSecond = 32;

FailureCause ToFailureCause(dtls::FailureCause cause) {
  switch (cause) {
    case dtls::FailureCause::kFingerprintMismatch: return FailureCause::kDtlsFingerprintMismatch;
    case dtls::FailureCause::kNoSrtpProfile: return FailureCause::kDtlsNoSrtpProfile;
    case dtls::FailureCause::kHandshake: break;
  }
  return FailureCause::kDtlsHandshake;
}

bool IsSameSet(const Fingerprints& have, const std::vector<dtls::DtlsFingerprint>& given) {
  if (have.size() != std::min(given.size(), Fingerprints::capacity())) return false;
  return std::all_of(have.begin(), have.end(), [&](const dtls::DtlsFingerprint& fingerprint) {
    return std::find(given.begin(), given.end(), fingerprint) != given.end();
  });
}

}  // namespace

WebRtcTransport::WebRtcTransport(SessionHandle session, const AccessLocal& local, uint8_t dscp, DropCounters& drops)
    : session_(session),
      local_(local.address),
      dscp_(dscp),
      drops_(drops),
      ice_(ice::IceLiteAgent::Config{}, local.ice),
      dtls_budget_(kDtlsBurst, kDtlsPerSecond),
      unverified_media_budget_(kUnverifiedMediaBurst, kUnverifiedMediaPerSecond) {}

bool WebRtcTransport::MayApply(const AccessRemote& remote) const {
  if (dtls_ == DtlsState::kIdle) return true;
  if (!remote.gateway_dtls_role || *remote.gateway_dtls_role == association_role_) return true;
  return !remote.fingerprints.empty() && !IsSameSet(fingerprints_, remote.fingerprints);
}

void WebRtcTransport::Apply(const AccessRemote& remote, base::Timestamp now, SessionOutput& output) {
  if (remote.ice) ice_.SetRemoteCredentials(*remote.ice, now);
  if (!remote.fingerprints.empty() && !IsSameSet(fingerprints_, remote.fingerprints)) {
    // Another certificate is another association, and so is another role than the one that an early
    // ClientHello made us take. The old keys serve until the new association has its own.
    const bool must_start_over =
        !fingerprints_.empty() || remote.gateway_dtls_role.value_or(association_role_) != association_role_;
    fingerprints_.Clear();
    for (const dtls::DtlsFingerprint& fingerprint : remote.fingerprints) {
      if (!fingerprints_.PushBack(fingerprint)) break;
    }
    if (dtls_ != DtlsState::kIdle && must_start_over) {
      (void)output.SendToHandshake(MakeRequest(HandshakeRequest::Kind::kStop));
      dtls_ = DtlsState::kIdle;
      ++association_;  // what the old one still says is not for us
      dtls_remote_.reset();
    } else if (dtls_ != DtlsState::kIdle) {
      SendFingerprints(output);
    }
  }
  if (remote.gateway_dtls_role) role_ = remote.gateway_dtls_role;
  HandleTimeout(now, output);
}

rtp::DatagramClass WebRtcTransport::HandleDatagram(const net::SocketAddress& from, base::ByteSpan datagram,
                                                   base::Timestamp now, SessionOutput& output) {
  const rtp::DatagramClass datagram_class = rtp::ClassifyDatagram(datagram);
  switch (datagram_class) {
    case rtp::DatagramClass::kStun: HandleStun(from, datagram, now, output); break;
    case rtp::DatagramClass::kDtls: HandleDtls(from, datagram, now, output); break;
    case rtp::DatagramClass::kRtp:
    case rtp::DatagramClass::kRtcp:
      if (AdmitsMedia(from, datagram, datagram_class, now)) return datagram_class;
      break;
    case rtp::DatagramClass::kUnknown: drops_.Count(DropReason::kUnknownClass); break;
  }
  return rtp::DatagramClass::kUnknown;
}

// Whether it is worth a look at its tag. An SSRC heard before is asked for first, so that who sees nothing of
// the call cannot use up the budget, and the place where the browser has gone is past it.
bool WebRtcTransport::AdmitsMedia(const net::SocketAddress& from, base::ByteSpan datagram,
                                  rtp::DatagramClass datagram_class, base::Timestamp now) {
  if (ice_.IsVerified(from)) {
    if (!srtp_.inbound) drops_.Count(DropReason::kNoSrtpKeys);
    return srtp_.inbound != nullptr;
  }
  const bool is_of_known_source =
      srtp_.inbound && ice_.selected_remote() &&
      (datagram_class == rtp::DatagramClass::kRtp ? srtp_.inbound->KnowsRtpSource(datagram)
                                                  : srtp_.inbound->KnowsRtcpSource(datagram));
  if (!is_of_known_source) {
    drops_.Count(DropReason::kUnverifiedSource);
    return false;
  }
  if (unverified_media_source_ == from || unverified_media_budget_.Take(now)) return true;
  drops_.Count(DropReason::kUnverifiedOverBudget);
  return false;
}

void WebRtcTransport::HandleStun(const net::SocketAddress& from, base::ByteSpan datagram, base::Timestamp now,
                                 SessionOutput& output) {
  if (const auto reason = ice_.HandleDatagram(datagram, from, now)) drops_.Count(*reason);
  DrainIce(output);
}

void WebRtcTransport::DrainIce(SessionOutput& output) {
  while (const auto answer = ice_.PollDatagram()) {
    const TxBuffer buffer = output.Allocate();
    if (!buffer) {
      drops_.Count(DropReason::kNoTxBuffer);
      continue;
    }
    std::memcpy(buffer.data, answer->bytes.data(), answer->bytes.size());
    output.Send({buffer, answer->bytes.size(), local_, answer->to, dscp_}, nullptr);
  }
  while (const auto event = ice_.PollEvent()) {
    std::visit(
        [this](const auto& what) {
          using Event = std::decay_t<decltype(what)>;
          if constexpr (std::is_same_v<Event, ice::ConsentLost>) {
            is_consent_lost_ = true;
            PushEvent(ConsentLost{});
          } else if constexpr (std::is_same_v<Event, ice::ConnectTimeout>) {
            is_ice_failed_ = true;
            PushEvent(SessionFailed{FailureCause::kIceTimeout});
          } else {
            is_consent_lost_ = false;
            is_ice_failed_ = false;
            PushEvent(IceConnected{what.remote});
          }
        },
        *event);
  }
  // As the client we speak first, and only to a selected address.
  if (dtls_ == DtlsState::kIdle && role_ == dtls::DtlsRole::kClient && ice_.selected_remote()) {
    (void)StartDtls(output);
  }
}

void WebRtcTransport::HandleDtls(const net::SocketAddress& from, base::ByteSpan datagram, base::Timestamp now,
                                 SessionOutput& output) {
  if (!ice_.IsVerified(from)) return drops_.Count(DropReason::kUnverifiedSource);
  if (dtls_ == DtlsState::kFailed) return drops_.Count(DropReason::kDtlsNotExpected);
  if (datagram.size() > DtlsBytes::kCapacity) return drops_.Count(DropReason::kDtlsTooLarge);
  if (!dtls_budget_.Take(now)) return drops_.Count(DropReason::kDtlsOverBudget);
  if (dtls_ == DtlsState::kIdle && !StartDtls(output)) {
    return drops_.Count(DropReason::kHandshakeBusy);
  }
  dtls_remote_ = from;
  HandshakeRequest request = MakeRequest(HandshakeRequest::Kind::kDatagram);
  std::memcpy(request.datagram.storage.data(), datagram.data(), datagram.size());
  request.datagram.size = datagram.size();
  if (!output.SendToHandshake(std::move(request))) drops_.Count(DropReason::kHandshakeBusy);
}

HandshakeRequest WebRtcTransport::MakeRequest(HandshakeRequest::Kind kind) const {
  HandshakeRequest request;
  request.kind = kind;
  request.session = session_;
  request.association = association_;
  return request;
}

bool WebRtcTransport::StartDtls(SessionOutput& output) {
  ++association_;
  HandshakeRequest request = MakeRequest(HandshakeRequest::Kind::kStart);
  // Who speaks before our role is known has taken the client's (RFC 8842 section 5.3: an answer may
  // be overtaken by its ClientHello). Its keys wait for the fingerprint of the answer.
  association_role_ = role_.value_or(dtls::DtlsRole::kServer);
  request.role = association_role_;
  request.fingerprints = fingerprints_;
  if (!output.SendToHandshake(std::move(request))) return false;
  dtls_ = DtlsState::kHandshaking;
  owes_fingerprints_ = false;
  return true;
}

void WebRtcTransport::SendFingerprints(SessionOutput& output) {
  HandshakeRequest request = MakeRequest(HandshakeRequest::Kind::kFingerprints);
  request.fingerprints = fingerprints_;
  owes_fingerprints_ = !output.SendToHandshake(std::move(request));
}

void WebRtcTransport::HandleHandshake(HandshakeReport& report, SessionOutput& output) {
  if (report.association != association_ || dtls_ == DtlsState::kIdle) return;  // it is over
  switch (report.kind) {
    case HandshakeReport::Kind::kDatagram: SendDtls(report.datagram.bytes(), output); break;
    case HandshakeReport::Kind::kConnected: {
      std::swap(srtp_, report.srtp);
      unverified_media_source_.reset();
      KeepFarewell(report.datagram.bytes());
      dtls_ = DtlsState::kConnected;
      PushEvent(DtlsConnected{srtp_.outbound->profile()});
      break;
    }
    case HandshakeReport::Kind::kFailed: Fail(ToFailureCause(report.cause)); break;
    case HandshakeReport::Kind::kClosed:
      // The peer's certificate signed this off: its keys end with it (RFC 5764 section 4.2).
      std::swap(srtp_, report.srtp);
      Fail(FailureCause::kDtlsClosed);
      break;
    case HandshakeReport::Kind::kNone: break;
  }
}

void WebRtcTransport::KeepFarewell(base::ByteSpan bytes) {
  farewell_.Clear();
  if (bytes.size() > farewell_.capacity()) return;
  for (const std::byte byte : bytes) (void)farewell_.PushBack(byte);
}

void WebRtcTransport::Fail(FailureCause cause) {
  dtls_ = DtlsState::kFailed;
  PushEvent(SessionFailed{cause});
}

void WebRtcTransport::SendDtls(base::ByteSpan bytes, SessionOutput& output) {
  const auto& remote = dtls_remote_ && ice_.IsVerified(*dtls_remote_) ? dtls_remote_ : ice_.selected_remote();
  if (!remote) return drops_.Count(DropReason::kNoDestination);
  const TxBuffer buffer = output.Allocate();
  if (!buffer) return drops_.Count(DropReason::kNoTxBuffer);
  std::memcpy(buffer.data, bytes.data(), bytes.size());
  output.Send({buffer, bytes.size(), local_, *remote, dscp_}, nullptr);
}

void WebRtcTransport::OnAuthenticatedMedia(const net::SocketAddress& from, base::Timestamp now) {
  // Whoever sees the call could send its packets on from another address first. So media from there neither
  // moves what we send nor counts as consent: only a check does.
  if (ice_.selected_remote() == from) return ice_.OnAuthenticatedMedia(now);
  if (!ice_.IsVerified(from)) unverified_media_source_ = from;
}

void WebRtcTransport::HandleTimeout(base::Timestamp now, SessionOutput& output) {
  if (ice_.NextDeadline() <= now) ice_.HandleTimeout(now);
  DrainIce(output);
  if (owes_fingerprints_) SendFingerprints(output);
}

void WebRtcTransport::Close(SessionOutput& output) {
  if (dtls_ == DtlsState::kIdle) return;
  if (dtls_ == DtlsState::kConnected && ice_.selected_remote() && !farewell_.empty()) {
    SendDtls({farewell_.begin(), farewell_.size()}, output);
  }
  (void)output.SendToHandshake(MakeRequest(HandshakeRequest::Kind::kStop));
}

void WebRtcTransport::SendRtp(const TxBuffer& buffer, size_t size, SessionOutput& output) {
  const auto& remote = ice_.selected_remote();
  if (!remote || !srtp_.outbound) {
    drops_.Count(DropReason::kNoDestination);
    return output.Free(buffer);
  }
  if (size + srtp::kMaxRtpOverheadBytes > buffer.capacity) {
    drops_.Count(DropReason::kTooLargeToSend);
    return output.Free(buffer);
  }
  output.Send({buffer, size, local_, *remote, dscp_}, srtp_.outbound.get());
}

void WebRtcTransport::SendRtcp(const TxBuffer& buffer, size_t size, SessionOutput& output) {
  const auto& remote = ice_.selected_remote();
  if (!remote || !srtp_.outbound) {
    drops_.Count(DropReason::kNoDestination);
    return output.Free(buffer);
  }
  const auto protected_size = srtp_.outbound->ProtectRtcp(output.transform(), buffer.bytes(), size);
  if (!protected_size) {
    drops_.Count(protected_size.error());
    return output.Free(buffer);
  }
  output.Send({buffer, *protected_size, local_, *remote, dscp_}, nullptr);
}

TransportState WebRtcTransport::state() const {
  if (dtls_ == DtlsState::kFailed || is_ice_failed_) return TransportState::kFailed;
  if (is_consent_lost_) return TransportState::kConsentLost;
  if (dtls_ == DtlsState::kConnected) return TransportState::kDtlsConnected;
  return ice_.selected_remote() ? TransportState::kIceConnected : TransportState::kNew;
}

void WebRtcTransport::PushEvent(const SessionEvent& event) {
  has_events_ = true;
  if (!events_.PushBack(event)) ++events_lost_;
}

std::optional<SessionEvent> WebRtcTransport::PollEvent() {
  if (!has_events_) return std::nullopt;
  const SessionEvent event = events_[0];
  events_.Erase(0);
  has_events_ = !events_.empty();
  return event;
}

}  // namespace byon::session
