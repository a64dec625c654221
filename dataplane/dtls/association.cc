#include "dataplane/dtls/association.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/srtp.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "dataplane/base/check.h"
#include "dataplane/dtls/openssl_support.h"
#include "dataplane/dtls/record_filter.h"

namespace byon::dtls {
namespace {

using Association = DtlsTransport::Association;
using base::TimeDelta;
using base::Timestamp;

Association& Owner(BIO* bio) { return *static_cast<Association*>(BIO_get_data(bio)); }

int BioCreate(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}
int BioRead(BIO* bio, char* buffer, int size) {
  BIO_clear_retry_flags(bio);
  const int read = Owner(bio).ReadDatagram({buffer, static_cast<size_t>(std::max(size, 0))});
  if (read < 0) BIO_set_retry_read(bio);
  return read;
}
int BioWrite(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  Owner(bio).WriteDatagram(base::AsBytes({bytes, static_cast<size_t>(std::max(size, 0))}));
  return size;
}
long BioControl(BIO*, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU: return static_cast<long>(DtlsTransport::kMtu);
    default: return 0;
  }
}

// A memory BIO would join datagrams: this one keeps their borders both ways.
BIO_METHOD* DatagramBioMethod() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "dtls datagrams");
    BYON_CHECK(made != nullptr && BIO_meth_set_create(made, &BioCreate) == 1 &&
                   BIO_meth_set_read(made, &BioRead) == 1 && BIO_meth_set_write(made, &BioWrite) == 1 &&
                   BIO_meth_set_ctrl(made, &BioControl) == 1,
               "out of memory at start");
    return made;
  }();
  return method;
}

unsigned int RetransmitDelay(SSL*, unsigned int previous_us) {
  constexpr auto kFirst = static_cast<unsigned>(DtlsTransport::kFirstRetransmitDelay.microseconds());
  constexpr auto kLongest = static_cast<unsigned>(DtlsTransport::kMaxRetransmitDelay.microseconds());
  return previous_us == 0 ? kFirst : std::min(previous_us * 2, kLongest);
}

}  // namespace

int VerifyPeerCertificate(X509_STORE_CTX* store, void*) {
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* association = static_cast<Association*>(SSL_get_app_data(ssl));
  if (association->AcceptCertificate(X509_STORE_CTX_get0_cert(store))) return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
  return 0;
}

Association::Association(const DtlsContext& context, DtlsRole role) : role_(role), ssl_(SSL_new(context.get())) {
  BIO* bio = BIO_new(DatagramBioMethod());
  BYON_CHECK(ssl_ != nullptr && bio != nullptr, "out of memory for a DTLS association");
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_mtu(ssl_.get(), static_cast<long>(kMtu));
  DTLS_set_timer_cb(ssl_.get(), &RetransmitDelay);
  role == DtlsRole::kClient ? SSL_set_connect_state(ssl_.get()) : SSL_set_accept_state(ssl_.get());
}

void Association::SetRemoteFingerprints(std::span<const DtlsFingerprint> fingerprints) {
  if (fingerprints.empty() || state_ == State::kConnected || state_ == State::kEnded) return;
  remote_fingerprints_.assign(fingerprints.begin(), fingerprints.end());
  if (state_ != State::kAwaitingFingerprints) return;
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(SSL_get1_peer_certificate(ssl_.get()), &X509_free);
  if (certificate != nullptr && MatchesFingerprints(certificate.get())) {
    DeliverKeys();
  } else {
    Fail(FailureCause::kFingerprintMismatch, "the certificate is not the announced one");
  }
}

void Association::Start(Timestamp now) {
  if (state_ != State::kNew) return;
  state_ = State::kHandshake;
  handshake_deadline_ = now + kHandshakeLimit;
  if (role_ == DtlsRole::kClient) Step();
  UpdateDeadline(now);
}

void Association::HandleDatagram(base::ByteSpan datagram, Timestamp now) {
  Start(now);
  if (state_ == State::kEnded || !IsPlausibleDtlsDatagram(datagram)) return;
  input_ = datagram;
  Step();
  input_ = {};
  UpdateDeadline(now);
}

void Association::HandleTimeout(Timestamp now) {
  if (state_ != State::kHandshake) return;
  if (now >= handshake_deadline_) {
    Fail(FailureCause::kHandshake, "no end of the handshake within 30 s");
  } else if (now >= retransmit_deadline_) {
    ERR_clear_error();
    // 0: OpenSSL's own clock says "not yet"; the next deadline follows it.
    if (DTLSv1_handle_timeout(ssl_.get()) < 0) Fail(FailureCause::kHandshake, TakeOpenSslError());
  }
  UpdateDeadline(now);
}

void Association::Close() {
  if (state_ == State::kConnected || state_ == State::kAwaitingFingerprints) {
    ERR_clear_error();
    (void)SSL_shutdown(ssl_.get());
  }
  state_ = State::kEnded;
  retransmit_deadline_ = Timestamp::Infinite();
}

std::optional<DtlsDatagram> Association::MakeFarewell() {
  if (state_ != State::kConnected || SSL_get_shutdown(ssl_.get()) != 0) return std::nullopt;
  const size_t written_before = output_.size();
  ERR_clear_error();
  (void)SSL_shutdown(ssl_.get());
  // Not sent yet: a repeated Finished of the peer is still to be answered, which OpenSSL else no longer does.
  SSL_set_shutdown(ssl_.get(), 0);
  ERR_clear_error();
  if (output_.size() == written_before) return std::nullopt;
  const DtlsDatagram farewell = output_.back();
  output_.pop_back();
  return farewell;
}

std::optional<DtlsDatagram> Association::PollDatagram() {
  if (output_.empty()) return std::nullopt;
  DtlsDatagram datagram = output_.front();
  output_.pop_front();
  return datagram;
}

std::optional<DtlsEvent> Association::PollEvent() {
  if (events_.empty()) return std::nullopt;
  DtlsEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

Timestamp Association::NextDeadline() const {
  if (state_ != State::kHandshake) return Timestamp::Infinite();
  return std::min(handshake_deadline_, retransmit_deadline_);
}

void Association::Step() {
  ERR_clear_error();
  if (state_ == State::kHandshake) ContinueHandshake();
  // Also after the handshake: a repeated Finished asks for our last flight again, and a
  // close_notify comes this way.
  if (state_ == State::kConnected || state_ == State::kAwaitingFingerprints) ReadApplicationData();
}

void Association::ContinueHandshake() {
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return FinishHandshake();
  const int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
  if (is_certificate_wrong_) {
    Fail(FailureCause::kFingerprintMismatch, "the certificate is not the announced one");
    ERR_clear_error();
  } else {
    Fail(FailureCause::kHandshake, TakeOpenSslError());
  }
}

void Association::FinishHandshake() {
  if (SSL_get_selected_srtp_profile(ssl_.get()) == nullptr) {
    (void)SSL_shutdown(ssl_.get());
    return Fail(FailureCause::kNoSrtpProfile, "the peer agreed on no SRTP profile (use_srtp)");
  }
  if (remote_fingerprints_.empty()) {
    state_ = State::kAwaitingFingerprints;
    return;
  }
  DeliverKeys();
}

void Association::ReadApplicationData() {
  std::array<char, 2048> unused;  // DTLS-SRTP carries no application data
  while (true) {
    const int result = SSL_read(ssl_.get(), unused.data(), static_cast<int>(unused.size()));
    if (result > 0) continue;
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_ZERO_RETURN || error == SSL_ERROR_SSL) {
      // close_notify, or a fatal alert that the peer authenticated: what is not is dropped.
      state_ = State::kEnded;
      ERR_clear_error();
      events_.push_back(DtlsClosed{});
    }
    return;
  }
}

bool Association::AcceptCertificate(X509* certificate) {
  if (remote_fingerprints_.empty() || MatchesFingerprints(certificate)) return true;
  is_certificate_wrong_ = true;
  return false;
}

bool Association::MatchesFingerprints(X509* certificate) const {
  const FingerprintAlgorithm strongest =
      std::ranges::max_element(remote_fingerprints_, {}, &DtlsFingerprint::algorithm)->algorithm;
  return std::ranges::find(remote_fingerprints_, FingerprintOf(certificate, strongest)) != remote_fingerprints_.end();
}

// RFC 5764 section 4.2: client key, server key, client salt, server salt.
void Association::DeliverKeys() {
  const SRTP_PROTECTION_PROFILE* selected = SSL_get_selected_srtp_profile(ssl_.get());
  const auto profile = srtp::ProfileFromId(static_cast<uint16_t>(selected->id));
  BYON_CHECK(profile.has_value(), "only profiles that we offered can be selected");
  const size_t key_bytes = srtp::MasterKeyBytes(*profile);
  const size_t salt_bytes = srtp::MasterSaltBytes(*profile);
  std::array<unsigned char, 2 * (srtp::kMaxMasterKeyBytes + srtp::kMaxMasterSaltBytes)> material;
  constexpr std::string_view kLabel = "EXTRACTOR-dtls_srtp";
  if (SSL_export_keying_material(ssl_.get(), material.data(), 2 * (key_bytes + salt_bytes), kLabel.data(),
                                 kLabel.size(), nullptr, 0, 0) != 1) {
    return Fail(FailureCause::kHandshake, TakeOpenSslError());
  }
  const auto take = [&](bool is_client) {
    srtp::SrtpKeyingMaterial keying;
    keying.profile = *profile;
    std::memcpy(keying.key_storage.data(), material.data() + (is_client ? 0 : key_bytes), key_bytes);
    std::memcpy(keying.salt_storage.data(), material.data() + 2 * key_bytes + (is_client ? 0 : salt_bytes), salt_bytes);
    return keying;
  };
  const bool we_are_client = role_ == DtlsRole::kClient;
  state_ = State::kConnected;
  events_.push_back(DtlsConnected{take(we_are_client), take(!we_are_client), SSL_get_version(ssl_.get())});
  OPENSSL_cleanse(material.data(), material.size());
}

void Association::Fail(FailureCause cause, std::string detail) {
  state_ = State::kEnded;
  retransmit_deadline_ = Timestamp::Infinite();
  events_.push_back(DtlsFailed{cause, std::move(detail)});
}

void Association::UpdateDeadline(Timestamp now) {
  timeval left{};
  const bool is_running = state_ == State::kHandshake && DTLSv1_get_timeout(ssl_.get(), &left) == 1;
  retransmit_deadline_ = is_running ? now + TimeDelta::Seconds(left.tv_sec) + TimeDelta::Microseconds(left.tv_usec)
                                    : Timestamp::Infinite();
}

int Association::ReadDatagram(std::span<char> buffer) {
  if (input_.empty()) return -1;
  const size_t size = std::min(buffer.size(), input_.size());
  std::memcpy(buffer.data(), input_.data(), size);
  input_ = {};
  return static_cast<int>(size);
}

void Association::WriteDatagram(base::ByteSpan bytes) {
  // An owner that does not poll loses datagrams as a full link does; retransmission repairs it.
  if (output_.size() == kMaxQueuedDatagrams || bytes.size() > DtlsDatagram::kCapacity) return;
  DtlsDatagram& datagram = output_.emplace_back();
  std::memcpy(datagram.storage.data(), bytes.data(), bytes.size());
  datagram.size = bytes.size();
}

}  // namespace byon::dtls
