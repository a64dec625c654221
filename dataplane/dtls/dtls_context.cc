#include "dataplane/dtls/dtls_context.h"

#include <openssl/ssl.h>

#include <array>

#include "dataplane/dtls/association.h"
#include "dataplane/dtls/openssl_support.h"

namespace byon::dtls {
namespace {

// RFC 8827 section 6.5 demands the first; RSA is for peers' certificates when we are the client.
constexpr char kCipherSuites[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr char kGroups[] = "X25519:P-256:P-384";
constexpr char kSignatures[] =
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:RSA-PSS+SHA256:RSA-PSS+SHA384:"
    "RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512";
// Bounds what a peer's Certificate message may make us buffer.
constexpr long kMaxCertificateListBytes = 16 * 1024;
constexpr std::array kDefaultProfiles = {srtp::SrtpProfile::kAeadAes128Gcm, srtp::SrtpProfile::kAeadAes256Gcm,
                                         srtp::SrtpProfile::kAes128CmSha1_80};

// OpenSSL's names of the profiles.
std::string_view OpenSslName(srtp::SrtpProfile profile) {
  switch (profile) {
    case srtp::SrtpProfile::kAes128CmSha1_80: return "SRTP_AES128_CM_SHA1_80";
    case srtp::SrtpProfile::kAeadAes128Gcm: return "SRTP_AEAD_AES_128_GCM";
    case srtp::SrtpProfile::kAeadAes256Gcm: return "SRTP_AEAD_AES_256_GCM";
  }
  return "";
}

std::string ProfileList(std::span<const srtp::SrtpProfile> profiles) {
  std::string list;
  for (const srtp::SrtpProfile profile : profiles) {
    if (!list.empty()) list += ':';
    list += OpenSslName(profile);
  }
  return list;
}

bool Configure(SSL_CTX* context, const DtlsCertificate& certificate, const std::string& profiles) {
  SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                   SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_cert_list(context, kMaxCertificateListBytes);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(context, &VerifyPeerCertificate, nullptr);
  return SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, kCipherSuites) == 1 && SSL_CTX_set1_groups_list(context, kGroups) == 1 &&
         SSL_CTX_set1_sigalgs_list(context, kSignatures) == 1 &&
         SSL_CTX_use_certificate(context, certificate.x509()) == 1 &&
         SSL_CTX_use_PrivateKey(context, certificate.private_key()) == 1 &&
         SSL_CTX_set_tlsext_use_srtp(context, profiles.c_str()) == 0;
}

}  // namespace

void DtlsContext::Deleter::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

std::span<const srtp::SrtpProfile> DtlsContext::DefaultProfiles() { return kDefaultProfiles; }

base::Result<DtlsContext, std::string> DtlsContext::Create(const DtlsCertificate& certificate,
                                                           std::span<const srtp::SrtpProfile> profiles) {
  if (profiles.empty()) return std::string("no SRTP profile is given");
  DtlsContext result;
  result.context_.reset(SSL_CTX_new(DTLS_method()));
  if (result.context_ == nullptr || !Configure(result.context_.get(), certificate, ProfileList(profiles))) {
    return "no DTLS context could be made: " + TakeOpenSslError();
  }
  result.fingerprint_ = certificate.fingerprint();
  return result;
}

}  // namespace byon::dtls
