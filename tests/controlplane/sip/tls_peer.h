#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "tests/controlplane/sip/fake_peer.h"

struct evp_pkey_st;
struct ssl_ctx_st;
struct ssl_st;
struct x509_st;

namespace byon::sip::test {

// Makes certificates in a folder: NAME.pem and NAME.key, its own as NAME-ca.pem.
class TestAuthority {
 public:
  TestAuthority(std::filesystem::path folder, const std::string& name);
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;

  struct Subject {
    std::string common_name;
    std::string alternative_names;  // as OpenSSL writes them: "DNS:a.test,URI:sip:b.test"; empty: no such extension
    long valid_until_s = 86400;     // from now; negative: over
  };
  void Issue(const std::string& name, const Subject& subject) const;
  std::string ca_file() const { return ca_file_; }

 private:
  std::filesystem::path folder_;
  std::string ca_file_;
  evp_pkey_st* key_;
  x509_st* certificate_;
};

// A peer that speaks TLS with a certificate of the folder.
class FakeTlsPeer : public FakeTcpPeer {
 public:
  struct Options {
    std::string certificate;  // name in the folder
    std::string ca_file;      // whom it believes
    bool asks_for_certificate = true;
    int newest_version = 0;  // 0: any
  };
  FakeTlsPeer(const std::filesystem::path& folder, Options options);
  ~FakeTlsPeer() override;

  std::string uri() const { return FakeTcpPeer::uri() + ";transport=tls"; }
  std::string via() const { return "Via: SIP/2.0/TLS " + address_ + ":" + std::to_string(port_); }
  // Takes a connection and says whether both sides agreed.
  bool Accept();
  // The other way round; false when the stack does not want us.
  bool ConnectTo(const std::string& address, uint16_t port);
  // Names of the certificate that the stack showed; empty: none.
  std::string peer_subject() const;

 protected:
  bool Open(int connection) override;
  ssize_t Read(char* buffer, size_t size) override;
  ssize_t Write(const std::string& wire) override;
  void Close() override;

 private:
  const Options options_;
  ssl_ctx_st* context_;
  ssl_st* session_ = nullptr;
  bool is_client_ = false;
};

}  // namespace byon::sip::test
