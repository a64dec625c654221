#pragma once

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "controlplane/http/tls_certificates.h"

namespace byon::http {

// A folder with certificates that sign themselves.
class TlsIdentities {
 public:
  TlsIdentities() {
    char folder[] = "/tmp/byon-tls-XXXXXX";
    folder_ = mkdtemp(folder);
  }
  ~TlsIdentities() { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  // NAME.pem and NAME.key. `names`: subjectAltName as openssl's configuration spells it, "DNS:a.example,IP:192.0.2.1";
  // empty: none.
  TlsFiles Write(const std::string& name, const std::string& names, bool is_rsa = false, long lives_s = 3600) const {
    EVP_PKEY* key = is_rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate), lives_s);
    X509_set_pubkey(certificate, key);
    if (!names.empty()) {
      X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
      X509_add_ext(certificate, extension, -1);
      X509_EXTENSION_free(extension);
    }
    X509_sign(certificate, key, EVP_sha256());
    const TlsFiles files{Path(name + ".pem"), Path(name + ".key")};
    std::FILE* file = std::fopen(files.certificate_file.c_str(), "w");
    PEM_write_X509(file, certificate);
    std::fclose(file);
    file = std::fopen(files.private_key_file.c_str(), "w");
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return files;
  }

 private:
  std::string folder_;
};

}  // namespace byon::http
