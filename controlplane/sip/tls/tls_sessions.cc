#include "controlplane/sip/tls/tls_sessions.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstring>

#include "controlplane/sip/tls/tls_identity.h"
#include "dataplane/base/check.h"

namespace byon::sip {
namespace {

constexpr std::chrono::seconds kLongestHandshake{10};
constexpr std::chrono::seconds kRefusalIsRecent{10};

thread_local TlsSessions* sessions_of_thread = nullptr;

IpAddress PeerOf(int socket) {
  IpAddress address;
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &length) != 0) return address;
  if (peer.ss_family == AF_INET6) {
    std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr, 16);
  } else if (peer.ss_family == AF_INET) {
    address.bytes[10] = address.bytes[11] = 0xff;
    std::memcpy(address.bytes.data() + 12, &reinterpret_cast<const sockaddr_in&>(peer).sin_addr, 4);
  }
  return address;
}

ino_t InodeOf(int socket) {
  struct stat status {};
  return fstat(socket, &status) == 0 ? status.st_ino : 0;
}

}  // namespace

// OpenSSL calls these for what is made anywhere in the process; threads without a TlsSessions do nothing.
struct TlsHooks {
  static int SslIndex() {
    static const int index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL, 0, nullptr, OnSslMade, nullptr, OnSslFreed);
    return index;
  }
  static int BioIndex() {
    static const int index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_BIO, 0, nullptr, OnBioMade, nullptr, nullptr);
    return index;
  }

  // The library makes the BIO of a socket right before its session.
  static void OnBioMade(void* parent, void*, CRYPTO_EX_DATA*, int, long, void*) {
    auto* bio = static_cast<BIO*>(parent);
    if (sessions_of_thread != nullptr && BIO_method_type(bio) == BIO_TYPE_SOCKET) sessions_of_thread->last_bio_ = bio;
  }
  static void OnSslMade(void* parent, void*, CRYPTO_EX_DATA*, int, long, void*) {
    TlsSessions* sessions = sessions_of_thread;
    if (sessions == nullptr || sessions->last_bio_ == nullptr) return;
    BIO* bio = sessions->last_bio_;
    sessions->last_bio_ = nullptr;
    sessions->Adopt(static_cast<SSL*>(parent), bio);
  }
  // A library that frees its sessions leaves nothing to us but our own references.
  static void OnSslFreed(void* parent, void*, CRYPTO_EX_DATA*, int, long, void*) {
    const TlsSessions::Session* session = Find(static_cast<SSL*>(parent));
    if (session == nullptr) return;
    BIO_free(session->bio);
    SSL_CTX_free(SSL_get_SSL_CTX(session->ssl));
    std::erase_if(sessions_of_thread->sessions_, [parent](const auto& one) { return one.ssl == parent; });
  }
  static TlsSessions::Session* Find(const SSL* ssl) {
    if (sessions_of_thread == nullptr) return nullptr;
    for (auto& session : sessions_of_thread->sessions_) {
      if (session.ssl == ssl) return &session;
    }
    return nullptr;
  }
  static void OnInfo(const SSL* ssl, int where, int value) {
    TlsSessions::Session* session = Find(ssl);
    if (session == nullptr) return;
    if ((where & SSL_CB_HANDSHAKE_START) != 0 && !session->is_up) sessions_of_thread->HandleHandshakeStart(*session);
    if ((where & SSL_CB_HANDSHAKE_DONE) != 0 && !session->is_up) sessions_of_thread->HandleHandshakeEnd(*session);
    const bool is_fatal = (where & SSL_CB_ALERT) != 0 && (value >> 8) == SSL3_AL_FATAL;
    if (!is_fatal || session->is_up || session->is_stranger) return;
    const long verdict = SSL_get_verify_result(ssl);
    if (verdict != X509_V_OK) return sessions_of_thread->Refuse(*session, X509_verify_cert_error_string(verdict));
    const bool is_theirs = (where & SSL_CB_READ) != 0;
    sessions_of_thread->Refuse(*session,
                               std::string(is_theirs ? "the peer says " : "") + SSL_alert_desc_string_long(value));
  }
  // What came before the socket was shut down can still be read: it costs a stranger's hello, and no key work of ours.
  static int OnClientHello(SSL* ssl, int* alert, void*) {
    const TlsSessions::Session* session = Find(ssl);
    if (session == nullptr || !session->is_stranger) return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_ACCESS_DENIED;
    return SSL_CLIENT_HELLO_ERROR;
  }
  // The library asks OpenSSL what went wrong without having emptied its queue before.
  static long OnBio(BIO*, int operation, const char*, size_t, int, long, int result, size_t*) {
    if (operation == BIO_CB_READ || operation == BIO_CB_WRITE) ERR_clear_error();
    return result;
  }
};

TlsSessions::TlsSessions(std::string peer_name, std::map<IpAddress, std::string> own_names)
    : peer_name_(std::move(peer_name)), own_names_(std::move(own_names)) {
  BYON_CHECK(sessions_of_thread == nullptr, "one for a thread");
  BYON_CHECK(TlsHooks::SslIndex() >= 0 && TlsHooks::BioIndex() >= 0, "OpenSSL takes no hooks");
  sessions_of_thread = this;
}

TlsSessions::~TlsSessions() {
  while (!sessions_.empty()) Free(sessions_.front());
  sessions_of_thread = nullptr;
}

void TlsSessions::Adopt(ssl_st* ssl, bio_st* bio) {
  Session session;
  session.ssl = ssl;
  session.bio = bio;
  session.begun = std::chrono::steady_clock::now();
  BIO_get_fd(bio, &session.socket);
  session.inode = InodeOf(session.socket);
  SSL_set_min_proto_version(ssl, TLS1_2_VERSION);
  SSL_set_info_callback(ssl, TlsHooks::OnInfo);
  SSL_CTX_set_client_hello_cb(SSL_get_SSL_CTX(ssl), TlsHooks::OnClientHello, nullptr);
  BIO_set_callback_ex(bio, TlsHooks::OnBio);
  // The library will give back one of the session's two references to its BIO, and the session's reference to its
  // context, and then forget it: with these the session can give back its own when we free it.
  BIO_up_ref(bio);
  SSL_CTX_up_ref(SSL_get_SSL_CTX(ssl));
  sessions_.push_back(session);
}

void TlsSessions::HandleHandshakeStart(Session& session) {
  session.is_ours = SSL_is_server(session.ssl) == 0;
  if (session.is_ours || session.is_stranger || !may_connect || may_connect(PeerOf(session.socket))) return;
  session.is_stranger = true;
  shutdown(session.socket, SHUT_RDWR);
  if (on_stranger) on_stranger();
}

void TlsSessions::HandleHandshakeEnd(Session& session) {
  session.peer = PeerOf(session.socket);
  const X509* certificate = SSL_get0_peer_certificate(session.ssl);
  if (certificate == nullptr) return Refuse(session, "no certificate");
  if (SSL_get_verify_result(session.ssl) != X509_V_OK) return;  // told with the alert
  const auto own = own_names_.find(session.peer);
  const std::string& wanted = own == own_names_.end() ? peer_name_ : own->second;
  if (!HasSipIdentity(certificate, wanted)) {
    // The library reads this before it uses the connection.
    SSL_set_verify_result(session.ssl, X509_V_ERR_HOSTNAME_MISMATCH);
    std::string names;
    for (const std::string& name : SipIdentities(certificate)) names += (names.empty() ? "" : ", ") + name;
    return Refuse(session, "the certificate is of " + (names.empty() ? "nobody" : names) + ", not of " + wanted);
  }
  session.is_up = true;
  if (session.is_ours) refusal_.clear();
}

// Only what befell a connection of ours explains why a registration of ours failed.
void TlsSessions::Refuse(const Session& session, std::string reason) {
  if (on_refused) on_refused();
  if (SSL_is_server(session.ssl) != 0) return;
  refusal_ = std::move(reason);
  refused_at_ = std::chrono::steady_clock::now();
}

std::string TlsSessions::RecentRefusal(Time now) const {
  return refusal_.empty() || now - refused_at_ > kRefusalIsRecent ? std::string() : refusal_;
}

// The library shuts a session down before it closes the socket, and has forgotten it by then.
bool TlsSessions::IsOver(const Session& session) { return InodeOf(session.socket) != session.inode; }

void TlsSessions::Sweep(Time now) {
  std::vector<IpAddress> lost;
  for (auto next = sessions_.begin(); next != sessions_.end();) {
    Session& session = *next++;
    if (IsOver(session)) {
      if (session.is_up && session.is_ours) lost.push_back(session.peer);
      Free(session);
    } else if (!session.is_up && now - session.begun > kLongestHandshake) {
      if (!session.is_stranger) Refuse(session, "the handshake takes too long");
      shutdown(session.socket, SHUT_RDWR);
    }
  }
  for (const IpAddress& peer : lost) {
    if (on_connection_lost) on_connection_lost(peer);
  }
}

void TlsSessions::Free(Session& session) {
  SSL* ssl = session.ssl;
  sessions_.remove_if([ssl](const Session& one) { return one.ssl == ssl; });
  SSL_free(ssl);
}

}  // namespace byon::sip
