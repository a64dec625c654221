#include "dataplane/dtls/openssl_support.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "dataplane/base/check.h"

namespace byon::dtls {

std::string TakeOpenSslError() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "error " + std::to_string(code);
}

DtlsFingerprint FingerprintOf(x509_st* certificate, FingerprintAlgorithm algorithm) {
  const EVP_MD* digest = algorithm == FingerprintAlgorithm::kSha256   ? EVP_sha256()
                         : algorithm == FingerprintAlgorithm::kSha384 ? EVP_sha384()
                                                                      : EVP_sha512();
  DtlsFingerprint fingerprint;
  fingerprint.algorithm = algorithm;
  auto* output = reinterpret_cast<unsigned char*>(fingerprint.digest_storage.data());
  unsigned int size = 0;
  BYON_CHECK(X509_digest(certificate, digest, output, &size) == 1 && size == DigestBytes(algorithm),
             "a parsed certificate can be hashed");
  return fingerprint;
}

}  // namespace byon::dtls
