#include "tests/controlplane/sip/tls_peer.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>

#if defined(__SANITIZE_ADDRESS__)
// sofia-sip forgets the names of a certificate that it has read. Stacks that reach through OpenSSL show that it is the
// library, which tests/lsan.supp knows.
extern "C" const char* __asan_default_options() { return "fast_unwind_on_malloc=0"; }
#endif

namespace byon::sip::test {
namespace {

void WriteKey(const std::filesystem::path& path, EVP_PKEY* key) {
  FILE* file = fopen(path.c_str(), "w");
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  fclose(file);
}

void WriteCertificate(const std::filesystem::path& path, X509* certificate) {
  FILE* file = fopen(path.c_str(), "w");
  PEM_write_X509(file, certificate);
  fclose(file);
}

X509* NewCertificate(EVP_PKEY* key, const std::string& common_name, long valid_until_s) {
  static long serial = 1;
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -86400);
  X509_gmtime_adj(X509_getm_notAfter(certificate), valid_until_s);
  X509_set_pubkey(certificate, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  return certificate;
}

void AddExtension(X509* certificate, int kind, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace

TestAuthority::TestAuthority(std::filesystem::path folder, const std::string& name)
    : folder_(std::move(folder)), ca_file_((folder_ / (name + "-ca.pem")).string()), key_(EVP_EC_gen("P-256")) {
  certificate_ = NewCertificate(key_, name, 86400);
  X509_set_issuer_name(certificate_, X509_get_subject_name(certificate_));
  AddExtension(certificate_, NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(certificate_, key_, EVP_sha256());
  WriteCertificate(ca_file_, certificate_);
}

TestAuthority::~TestAuthority() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

void TestAuthority::Issue(const std::string& name, const Subject& subject) const {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = NewCertificate(key, subject.common_name, subject.valid_until_s);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate_));
  if (!subject.alternative_names.empty()) AddExtension(certificate, NID_subject_alt_name, subject.alternative_names);
  X509_sign(certificate, key_, EVP_sha256());
  WriteKey(folder_ / (name + ".key"), key);
  WriteCertificate(folder_ / (name + ".pem"), certificate);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

FakeTlsPeer::FakeTlsPeer(const std::filesystem::path& folder, Options options)
    : FakeTcpPeer("127.0.0.1"), options_(std::move(options)), context_(SSL_CTX_new(TLS_method())) {
  const std::string base = (folder / options_.certificate).string();
  if (options_.newest_version != 0) {
    // Old versions need the old signatures, too.
    SSL_CTX_set_security_level(context_, 0);
    SSL_CTX_set_min_proto_version(context_, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_, options_.newest_version);
  }
  if (!options_.certificate.empty()) {
    EXPECT_EQ(SSL_CTX_use_certificate_file(context_, (base + ".pem").c_str(), SSL_FILETYPE_PEM), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context_, (base + ".key").c_str(), SSL_FILETYPE_PEM), 1);
  }
  EXPECT_EQ(SSL_CTX_load_verify_locations(context_, options_.ca_file.c_str(), nullptr), 1);
  if (options_.asks_for_certificate) {
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
}

FakeTlsPeer::~FakeTlsPeer() {
  if (session_ != nullptr) SSL_free(session_);
  SSL_CTX_free(context_);
}

bool FakeTlsPeer::Open(int connection) {
  const timeval patience{.tv_sec = 5, .tv_usec = 0};
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  session_ = SSL_new(context_);
  SSL_set_fd(session_, connection);
  return (is_client_ ? SSL_connect(session_) : SSL_accept(session_)) == 1;
}

bool FakeTlsPeer::Accept() { return Fill(std::chrono::steady_clock::now() + std::chrono::seconds(20)); }

bool FakeTlsPeer::ConnectTo(const std::string& address, uint16_t port) {
  sockaddr_in target{};
  target.sin_family = AF_INET;
  target.sin_port = htons(port);
  inet_pton(AF_INET, address.c_str(), &target.sin_addr);
  connection_ = socket(AF_INET, SOCK_STREAM, 0);
  is_client_ = true;
  if (connect(connection_, reinterpret_cast<sockaddr*>(&target), sizeof target) != 0) return false;
  return Open(connection_);
}

std::string FakeTlsPeer::peer_subject() const {
  X509* certificate = SSL_get0_peer_certificate(session_);
  if (certificate == nullptr) return {};
  char name[256] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  return name;
}

ssize_t FakeTlsPeer::Read(char* buffer, size_t size) { return SSL_read(session_, buffer, static_cast<int>(size)); }

ssize_t FakeTlsPeer::Write(const std::string& wire) {
  if (session_ == nullptr) return -1;
  return SSL_write(session_, wire.data(), static_cast<int>(wire.size()));
}

void FakeTlsPeer::Close() {
  if (session_ == nullptr) return;
  SSL_shutdown(session_);
  SSL_free(session_);
  session_ = nullptr;
}

}  // namespace byon::sip::test
