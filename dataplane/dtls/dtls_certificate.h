#pragma once

#include <memory>
#include <string>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"
#include "dataplane/dtls/fingerprint.h"

struct evp_pkey_st;
struct x509_st;

namespace byon::dtls {

// A self-signed ECDSA P-256 certificate and its private key (RFC 8827 section 6.5): one a process
// start, trusted through its fingerprint in SDP alone. Immutable.
class DtlsCertificate {
 public:
  // Fails only when OpenSSL has no randomness or memory; the error is OpenSSL's sentence.
  static base::Result<DtlsCertificate, std::string> Generate();

  const DtlsFingerprint& fingerprint() const { return fingerprint_; }
  x509_st* x509() const { return certificate_.get(); }
  evp_pkey_st* private_key() const { return key_.get(); }

 private:
  struct Deleter {
    void operator()(evp_pkey_st* key) const;
    void operator()(x509_st* certificate) const;
  };
  DtlsCertificate() = default;
  std::unique_ptr<evp_pkey_st, Deleter> key_;
  std::unique_ptr<x509_st, Deleter> certificate_;
  DtlsFingerprint fingerprint_;  // sha-256
};

}  // namespace byon::dtls
