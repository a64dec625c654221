#include "dataplane/dtls/dtls_transport.h"

#include "dataplane/dtls/association.h"

namespace byon::dtls {

std::string_view FailureCauseName(FailureCause cause) {
  switch (cause) {
    case FailureCause::kHandshake: return "dtls_handshake";
    case FailureCause::kFingerprintMismatch: return "dtls_fingerprint_mismatch";
    case FailureCause::kNoSrtpProfile: return "dtls_no_srtp_profile";
  }
  return "dtls_unknown";
}

DtlsTransport::DtlsTransport(const DtlsContext& context, DtlsRole role)
    : association_(std::make_unique<Association>(context, role)) {}
DtlsTransport::~DtlsTransport() = default;
DtlsTransport::DtlsTransport(DtlsTransport&&) noexcept = default;
DtlsTransport& DtlsTransport::operator=(DtlsTransport&&) noexcept = default;

void DtlsTransport::SetRemoteFingerprints(std::span<const DtlsFingerprint> fingerprints) {
  association_->SetRemoteFingerprints(fingerprints);
}
void DtlsTransport::Start(base::Timestamp now) { association_->Start(now); }
void DtlsTransport::HandleDatagram(base::ByteSpan datagram, base::Timestamp now) {
  association_->HandleDatagram(datagram, now);
}
void DtlsTransport::HandleTimeout(base::Timestamp now) { association_->HandleTimeout(now); }
void DtlsTransport::Close() { association_->Close(); }
std::optional<DtlsDatagram> DtlsTransport::MakeFarewell() { return association_->MakeFarewell(); }
std::optional<DtlsDatagram> DtlsTransport::PollDatagram() { return association_->PollDatagram(); }
std::optional<DtlsEvent> DtlsTransport::PollEvent() { return association_->PollEvent(); }
base::Timestamp DtlsTransport::NextDeadline() const { return association_->NextDeadline(); }
bool DtlsTransport::is_connected() const { return association_->is_connected(); }
DtlsRole DtlsTransport::role() const { return association_->role(); }

}  // namespace byon::dtls
