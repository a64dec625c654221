#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/dataplane/dtls/dtls_test_support.h"

namespace byon::dtls {

// Plain OpenSSL as an application uses it, over memory BIOs: the other implementation in these
// tests.
class OpenSslPeer {
 public:
  struct Options {
    std::string srtp_profiles = "SRTP_AEAD_AES_128_GCM";  // empty: no use_srtp
    int max_version = DTLS1_2_VERSION;
    int min_version = DTLS1_VERSION;
    size_t certificate_padding = 0;  // bytes of a comment extension
  };
  OpenSslPeer(DtlsRole role, const Options& options);

  // One handshake step with the datagrams that came; returns those to send, one a record.
  std::vector<Datagram> Step(const std::vector<Datagram>& received);
  bool is_done() const { return is_done_; }
  bool has_failed() const { return has_failed_; }
  std::string profile() const;
  // Exported keys, RFC 5764 section 4.2.
  std::vector<std::byte> KeyingMaterial(size_t bytes) const;
  DtlsFingerprint fingerprint(FingerprintAlgorithm algorithm) const;
  std::vector<Datagram> SendApplicationData(std::string_view text);
  std::vector<Datagram> Shutdown();

 private:
  std::vector<Datagram> TakeRecords();
  struct Deleter {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(X509* certificate) const { X509_free(certificate); }
  };
  std::unique_ptr<X509, Deleter> certificate_;
  std::unique_ptr<SSL_CTX, Deleter> context_;
  std::unique_ptr<SSL, Deleter> ssl_;
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
  bool is_done_ = false;
  bool has_failed_ = false;
};

}  // namespace byon::dtls
