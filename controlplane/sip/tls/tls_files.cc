#include "controlplane/sip/tls/tls_files.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

namespace byon::sip {
namespace {

struct OpensslDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Bio = std::unique_ptr<BIO, OpensslDeleter>;
using Certificate = std::unique_ptr<X509, OpensslDeleter>;
using Key = std::unique_ptr<EVP_PKEY, OpensslDeleter>;

std::string ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

Bio Memory(const std::string& text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

// No passphrase is asked for on a terminal.
int NoPassphrase(char*, int, int, void*) { return -1; }

Certificate FirstCertificate(const std::string& pem) {
  const Bio bio = Memory(pem);
  Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr));
  ERR_clear_error();
  return certificate;
}

Key PrivateKey(const std::string& pem) {
  const Bio bio = Memory(pem);
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  ERR_clear_error();
  return key;
}

// The certificates behind the first that are not self-issued: they complete our chain, and vouch for nobody.
std::string Intermediates(const std::string& pem) {
  const Bio source = Memory(pem);
  const Bio target(BIO_new(BIO_s_mem()));
  bool is_first = true;
  while (const Certificate one{PEM_read_bio_X509(source.get(), nullptr, NoPassphrase, nullptr)}) {
    const bool is_root = X509_NAME_cmp(X509_get_subject_name(one.get()), X509_get_issuer_name(one.get())) == 0;
    if (!is_first && !is_root) PEM_write_bio_X509(target.get(), one.get());
    is_first = false;
  }
  ERR_clear_error();
  char* text = nullptr;
  const long size = BIO_get_mem_data(target.get(), &text);
  return size > 0 ? std::string(text, static_cast<size_t>(size)) : std::string();
}

}  // namespace

std::optional<std::string> CheckTlsFiles(const SipTls& tls) {
  if (!FirstCertificate(ReadText(tls.ca_file))) {
    return "sip.tls.ca_file: \"" + tls.ca_file + "\" must hold certificates in PEM";
  }
  if (tls.certificate_file.empty()) return std::nullopt;
  const Certificate certificate = FirstCertificate(ReadText(tls.certificate_file));
  if (!certificate) {
    return "sip.tls.certificate_file: \"" + tls.certificate_file + "\" must hold a certificate in PEM";
  }
  const Key key = PrivateKey(ReadText(tls.private_key_file));
  if (!key) {
    return "sip.tls.private_key_file: \"" + tls.private_key_file +
           "\" must hold a private key in PEM without a passphrase";
  }
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    ERR_clear_error();
    return "sip.tls.private_key_file: \"" + tls.private_key_file + "\" is not the key of sip.tls.certificate_file";
  }
  return std::nullopt;
}

TlsFolder::TlsFolder(const SipTls& tls) {
  std::string name = (std::filesystem::temp_directory_path() / "byon-sip-tls-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) return;
  path_ = name;
  is_complete_ = Add("cafile.pem", ReadText(tls.ca_file) + "\n" + Intermediates(ReadText(tls.certificate_file))) &&
                 (tls.certificate_file.empty() ||
                  Add("agent.pem", ReadText(tls.certificate_file) + "\n" + ReadText(tls.private_key_file)));
}

TlsFolder::~TlsFolder() {
  for (const std::string& link : links_) unlink(link.c_str());
  for (const int file : memory_files_) close(file);
  if (!path_.empty()) rmdir(path_.c_str());
}

bool TlsFolder::Add(const std::string& name, const std::string& content) {
  const int file = memfd_create(name.c_str(), MFD_CLOEXEC);
  if (file < 0) return false;
  memory_files_.push_back(file);
  if (write(file, content.data(), content.size()) != static_cast<ssize_t>(content.size())) return false;
  const std::string link = path_ + "/" + name;
  if (symlink(("/proc/self/fd/" + std::to_string(file)).c_str(), link.c_str()) != 0) return false;
  links_.push_back(link);
  return true;
}

}  // namespace byon::sip
