#include "dataplane/dtls/dtls_certificate.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "dataplane/dtls/openssl_support.h"

namespace byon::dtls {
namespace {

// Browsers look at the fingerprint only; the dates satisfy those who print them.
constexpr long kNotBeforeSeconds = -24L * 3600;
constexpr long kNotAfterSeconds = 3650L * 24 * 3600;

bool FillAndSign(X509* certificate, EVP_PKEY* key) {
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* common_name = reinterpret_cast<const unsigned char*>("WebRTC");
  return X509_set_version(certificate, X509_VERSION_3) == 1 &&
         ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), 1) == 1 &&
         X509_gmtime_adj(X509_getm_notBefore(certificate), kNotBeforeSeconds) != nullptr &&
         X509_gmtime_adj(X509_getm_notAfter(certificate), kNotAfterSeconds) != nullptr &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1 &&
         X509_sign(certificate, key, EVP_sha256()) != 0;
}

}  // namespace

void DtlsCertificate::Deleter::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }
void DtlsCertificate::Deleter::operator()(x509_st* certificate) const { X509_free(certificate); }

base::Result<DtlsCertificate, std::string> DtlsCertificate::Generate() {
  DtlsCertificate result;
  result.key_.reset(EVP_EC_gen("P-256"));
  result.certificate_.reset(X509_new());
  if (result.key_ == nullptr || result.certificate_ == nullptr ||
      !FillAndSign(result.certificate_.get(), result.key_.get())) {
    return "no DTLS certificate could be made: " + TakeOpenSslError();
  }
  result.fingerprint_ = FingerprintOf(result.certificate_.get(), FingerprintAlgorithm::kSha256);
  return result;
}

}  // namespace byon::dtls
