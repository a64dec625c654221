#include "tests/dataplane/dtls/openssl_peer.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "dataplane/base/check.h"

namespace byon::dtls {
namespace {

X509* MakeCertificate(EVP_PKEY* key, size_t padding) {
  X509* certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 4711);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("peer"), -1, -1, 0);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  X509_set_pubkey(certificate, key);
  if (padding > 0) {
    const std::string comment(padding, 'x');
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_netscape_comment, comment.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(certificate, key, EVP_sha256());
  return certificate;
}

}  // namespace

OpenSslPeer::OpenSslPeer(DtlsRole role, const Options& options) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  certificate_.reset(MakeCertificate(key.get(), options.certificate_padding));
  context_.reset(SSL_CTX_new(DTLS_method()));
  SSL_CTX* context = context_.get();
  SSL_CTX_use_certificate(context, certificate_.get());
  SSL_CTX_use_PrivateKey(context, key.get());
  SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
  SSL_CTX_set_min_proto_version(context, options.min_version);
  SSL_CTX_set_max_proto_version(context, options.max_version);
  SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
  if (!options.srtp_profiles.empty()) {
    BYON_CHECK(SSL_CTX_set_tlsext_use_srtp(context, options.srtp_profiles.c_str()) == 0, "OpenSSL knows the profiles");
  }
  ssl_.reset(SSL_new(context));
  in_ = BIO_new(BIO_s_mem());
  out_ = BIO_new(BIO_s_mem());
  BIO_set_mem_eof_return(in_, -1);
  SSL_set_bio(ssl_.get(), in_, out_);
  SSL_set_mtu(ssl_.get(), 1200);
  role == DtlsRole::kClient ? SSL_set_connect_state(ssl_.get()) : SSL_set_accept_state(ssl_.get());
}

std::vector<Datagram> OpenSslPeer::TakeRecords() {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out_, &bytes);
  const base::ByteSpan stream = base::AsBytes({bytes, static_cast<size_t>(std::max(size, 0L))});
  std::vector<Datagram> records;
  for (size_t at = 0; at + 13 <= stream.size();) {
    const size_t length = 13 + base::ByteReader(stream.subspan(at + 11)).ReadU16();
    const base::ByteSpan record = stream.subspan(at, length);
    records.emplace_back(record.begin(), record.end());
    at += length;
  }
  (void)BIO_reset(out_);
  return records;
}

std::vector<Datagram> OpenSslPeer::Step(const std::vector<Datagram>& received) {
  const auto run = [this] {
    ERR_clear_error();
    if (is_done_ || has_failed_) {
      char unused[100];
      (void)SSL_read(ssl_.get(), unused, sizeof(unused));
      return;
    }
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) {
      is_done_ = true;
    } else {
      const int error = SSL_get_error(ssl_.get(), result);
      has_failed_ = error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE;
    }
    ERR_clear_error();
  };
  if (received.empty()) run();
  for (const Datagram& datagram : received) {
    BIO_write(in_, datagram.data(), static_cast<int>(datagram.size()));
    run();
  }
  return TakeRecords();
}

std::string OpenSslPeer::profile() const {
  const SRTP_PROTECTION_PROFILE* profile = SSL_get_selected_srtp_profile(ssl_.get());
  return profile == nullptr ? "" : profile->name;
}

std::vector<std::byte> OpenSslPeer::KeyingMaterial(size_t bytes) const {
  std::vector<std::byte> material(bytes);
  BYON_CHECK(SSL_export_keying_material(ssl_.get(), reinterpret_cast<unsigned char*>(material.data()), bytes,
                                        "EXTRACTOR-dtls_srtp", 19, nullptr, 0, 0) == 1,
             "a finished handshake exports keys");
  return material;
}

DtlsFingerprint OpenSslPeer::fingerprint(FingerprintAlgorithm algorithm) const {
  DtlsFingerprint result;
  result.algorithm = algorithm;
  const EVP_MD* digest = algorithm == FingerprintAlgorithm::kSha256   ? EVP_sha256()
                         : algorithm == FingerprintAlgorithm::kSha384 ? EVP_sha384()
                                                                      : EVP_sha512();
  X509_digest(certificate_.get(), digest, reinterpret_cast<unsigned char*>(result.digest_storage.data()), nullptr);
  return result;
}

std::vector<Datagram> OpenSslPeer::SendApplicationData(std::string_view text) {
  SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
  return TakeRecords();
}

std::vector<Datagram> OpenSslPeer::Shutdown() {
  SSL_shutdown(ssl_.get());
  return TakeRecords();
}

}  // namespace byon::dtls
