#include "tests/dataplane/support/fake_browser.h"

#include <array>
#include <atomic>
#include <cstring>
#include <variant>

#include "dataplane/rtp/datagram_class.h"
#include "dataplane/stun/stun_message_builder.h"
#include "dataplane/stun/stun_message_view.h"

namespace byon::test {
namespace {

constexpr base::TimeDelta kCheckInterval = base::TimeDelta::Milliseconds(50);
constexpr base::TimeDelta kConsentInterval = base::TimeDelta::Milliseconds(5000);
constexpr base::TimeDelta kFrame = base::TimeDelta::Milliseconds(20);

}  // namespace

FakeBrowser::FakeBrowser(const Config& config, const dtls::DtlsContext& context)
    : config_(config),
      context_(context),
      talker_(config.talker),
      transform_(srtp::MakeSrtpTransform(srtp::SrtpBackend::kOpenSsl)) {}

std::vector<std::byte> FakeBrowser::MakeCheck(bool use_candidate, std::string_view username,
                                              std::string_view password) const {
  static std::atomic<uint64_t> checks = 0;
  std::array<std::byte, 1024> buffer;
  stun::TransactionId id{};
  const uint64_t number = ++checks;
  std::memcpy(id.data(), &number, sizeof number);
  stun::StunMessageBuilder builder(buffer, stun::MessageClass::kRequest, stun::kBindingMethod, id);
  builder.AddUsername(username);
  builder.AddPriority(0x7e7f1eff);
  builder.AddIceControlling(0x1122334455667788);
  if (use_candidate) builder.AddUseCandidate();
  builder.AddMessageIntegrity(stun::IntegrityKey(base::AsBytes(password)));
  builder.AddFingerprint();
  const auto bytes = builder.Finish();
  return {bytes->begin(), bytes->end()};
}

void FakeBrowser::Send(std::vector<std::byte> payload) {
  outgoing_.push_back({config_.address, config_.gateway, std::move(payload)});
}

void FakeBrowser::SendRaw(std::vector<std::byte> payload) { Send(std::move(payload)); }

void FakeBrowser::HandleTimeout(base::Timestamp now) {
  if (does_ice && next_check_ <= now) {
    Send(MakeCheck(/*use_candidate=*/true, username(), config_.remote.pwd));
    next_check_ = now + (is_ice_connected_ ? kConsentInterval : kCheckInterval);
  }
  if (dtls_ && dtls_->NextDeadline() <= now) {
    dtls_->HandleTimeout(now);
    DrainDtls();
  }
  if (!is_dtls_connected()) {
    next_audio_ = now;
    return;
  }
  while (next_audio_ <= now) {
    next_audio_ += kFrame;
    auto packet = talker_.NextPacket();
    if (does_media && packet) SendProtected(std::move(*packet));
  }
}

void FakeBrowser::StartDtls(base::Timestamp now) {
  dtls_.emplace(context_, config_.dtls_role);
  dtls_->SetRemoteFingerprints(config_.gateway_fingerprints);
  dtls_->Start(now);
  DrainDtls();
}

void FakeBrowser::HandleDatagram(const TestDatagram& datagram, base::Timestamp now) {
  if (datagram.destination != config_.address || datagram.source != config_.gateway) {
    ++strange_datagrams_;
    return;
  }
  switch (rtp::ClassifyDatagram(datagram.payload)) {
    case rtp::DatagramClass::kStun: {
      const auto view = stun::StunMessageView::Parse(datagram.payload);
      if (!view || view->message_class() != stun::MessageClass::kSuccess) return;
      const stun::IntegrityKey key(base::AsBytes(config_.remote.pwd));
      if (!view->VerifyIntegrity(key) || view->xor_mapped_address() != config_.address) return;
      ++stun_answers_;
      is_ice_connected_ = true;
      if (does_dtls && !dtls_) StartDtls(now);
      return;
    }
    case rtp::DatagramClass::kDtls:
      if (!does_dtls) return;
      if (!dtls_) StartDtls(now);
      dtls_->HandleDatagram(datagram.payload, now);
      return DrainDtls();
    case rtp::DatagramClass::kRtp: return HandleSrtp(datagram.payload, false);
    case rtp::DatagramClass::kRtcp: return HandleSrtp(datagram.payload, true);
    case rtp::DatagramClass::kUnknown: ++strange_datagrams_;
  }
}

void FakeBrowser::DrainDtls() {
  while (const auto datagram = dtls_->PollDatagram()) {
    const base::ByteSpan bytes = datagram->bytes();
    Send(std::vector<std::byte>(bytes.begin(), bytes.end()));
  }
  while (const auto event = dtls_->PollEvent()) {
    if (const auto* connected = std::get_if<dtls::DtlsConnected>(&*event)) {
      constexpr auto kBackend = srtp::SrtpBackend::kOpenSsl;
      inbound_ = std::make_unique<srtp::SrtpSession>(kBackend, connected->remote);
      outbound_ = std::make_unique<srtp::SrtpSession>(kBackend, connected->local);
    } else if (const auto* failed = std::get_if<dtls::DtlsFailed>(&*event)) {
      dtls_failure_ = failed->cause;
    } else {
      is_dtls_closed_ = true;
    }
  }
}

void FakeBrowser::SendProtected(std::vector<std::byte> plain) {
  const size_t size = plain.size();
  plain.resize(size + srtp::kMaxRtpOverheadBytes);
  const auto protected_size = outbound_->ProtectRtp(*transform_, plain, size);
  plain.resize(protected_size.value());
  last_sent_srtp_ = plain;
  Send(std::move(plain));
}

void FakeBrowser::SendProtectedRtcp(std::vector<std::byte> plain) {
  const size_t size = plain.size();
  plain.resize(size + srtp::kMaxRtcpOverheadBytes);
  const auto protected_size = outbound_->ProtectRtcp(*transform_, plain, size);
  plain.resize(protected_size.value());
  Send(std::move(plain));
}

void FakeBrowser::HandleSrtp(std::vector<std::byte> packet, bool is_rtcp) {
  if (!inbound_) {
    ++srtp_failures_;
    return;
  }
  const auto size =
      is_rtcp ? inbound_->UnprotectRtcp(*transform_, packet) : inbound_->UnprotectRtp(*transform_, packet);
  if (!size) {
    ++srtp_failures_;
    return;
  }
  packet.resize(*size);
  if (is_rtcp) {
    rtcp_.push_back(std::move(packet));
  } else {
    talker_.Receive(packet);
  }
}

}  // namespace byon::test
