#pragma once

#include <openssl/ssl.h>

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/dtls/dtls_transport.h"

namespace byon::dtls {

// What stands behind DtlsTransport, at a fixed address, because OpenSSL keeps pointers to it.
class DtlsTransport::Association {
 public:
  Association(const DtlsContext& context, DtlsRole role);
  Association(const Association&) = delete;
  Association& operator=(const Association&) = delete;

  void SetRemoteFingerprints(std::span<const DtlsFingerprint> fingerprints);
  void Start(base::Timestamp now);
  void HandleDatagram(base::ByteSpan datagram, base::Timestamp now);
  void HandleTimeout(base::Timestamp now);
  void Close();
  std::optional<DtlsDatagram> MakeFarewell();
  std::optional<DtlsDatagram> PollDatagram();
  std::optional<DtlsEvent> PollEvent();
  base::Timestamp NextDeadline() const;
  bool is_connected() const { return state_ == State::kConnected; }
  DtlsRole role() const { return role_; }

  // Called by OpenSSL in the middle of a handshake step: false ends the handshake.
  bool AcceptCertificate(X509* certificate);
  // The two ends of the BIO: one datagram a call.
  int ReadDatagram(std::span<char> buffer);
  void WriteDatagram(base::ByteSpan datagram);

 private:
  enum class State : uint8_t {
    kNew,
    kHandshake,
    kAwaitingFingerprints,  // handshake done, the peer's SDP is not known yet
    kConnected,
    kEnded,  // failed or closed
  };
  struct SslDeleter {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  void Step();
  void ContinueHandshake();
  void ReadApplicationData();
  void FinishHandshake();
  void DeliverKeys();
  void Fail(FailureCause cause, std::string detail);
  void UpdateDeadline(base::Timestamp now);
  bool MatchesFingerprints(X509* certificate) const;

  DtlsRole role_;
  State state_ = State::kNew;
  std::unique_ptr<SSL, SslDeleter> ssl_;
  std::vector<DtlsFingerprint> remote_fingerprints_;
  bool is_certificate_wrong_ = false;
  base::ByteSpan input_;  // the datagram being handled, until OpenSSL has read it
  std::deque<DtlsDatagram> output_;
  std::deque<DtlsEvent> events_;
  base::Timestamp handshake_deadline_ = base::Timestamp::Infinite();
  base::Timestamp retransmit_deadline_ = base::Timestamp::Infinite();
};

// SSL_CTX_set_cert_verify_callback: leaves the verdict to the association.
int VerifyPeerCertificate(X509_STORE_CTX* store, void*);

}  // namespace byon::dtls
