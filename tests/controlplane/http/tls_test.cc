// What the server speaks with TLS: versions, ciphers, and who is told to stay with it.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "controlplane/http/http_server.h"

namespace byon::http {
namespace {

class HelloApplication final : public api::HttpApplication {
 public:
  void HandleRequest(api::HttpRequest, api::Respond respond) override { respond({200, {}, "hello"}); }
  std::unique_ptr<api::WebSocketHandler> OpenWebSocket(const api::HttpRequest&,
                                                       std::shared_ptr<api::WebSocketSession>) override {
    return nullptr;
  }
};

// A key and a certificate of its own in two files.
void WriteIdentity(const std::string& certificate_file, const std::string& key_file) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_sign(certificate, key, EVP_sha256());
  std::FILE* file = std::fopen(certificate_file.c_str(), "w");
  PEM_write_X509(file, certificate);
  std::fclose(file);
  file = std::fopen(key_file.c_str(), "w");
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

class TlsTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/byon-tls-XXXXXX";
    ASSERT_NE(mkdtemp(folder), nullptr);
    folder_ = folder;
    HttpServerConfig config;
    config.site.public_url = "https://gw.example";
    config.tls = {folder_ + "/server.pem", folder_ + "/server.key"};
    WriteIdentity(config.tls->certificate_file, config.tls->private_key_file);
    server_ = std::make_unique<HttpServer>(config, application_, strand_.get_executor());
    runner_ = std::thread([this] { strand_.run(); });
  }
  void TearDown() override {
    server_.reset();
    work_.reset();
    if (runner_.joinable()) runner_.join();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  int Connect() const {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    const timeval patience{5, 0};
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_->port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return socket;
  }
  // The answer to a request of a client that speaks one version and these ciphers; empty when no handshake succeeds.
  std::string Ask(int version, const char* ciphers = "DEFAULT:@SECLEVEL=0", const std::string& target = "/x") {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    EXPECT_EQ(SSL_CTX_set_cipher_list(context, ciphers), 1);
    SSL* ssl = SSL_new(context);
    const int socket = Connect();
    SSL_set_fd(ssl, socket);
    std::string answer;
    if (SSL_connect(ssl) == 1) {
      const std::string request = "GET " + target + " HTTP/1.1\r\nHost: gw\r\nConnection: close\r\n\r\n";
      SSL_write(ssl, request.data(), static_cast<int>(request.size()));
      char buffer[4096];
      for (int size = 0; (size = SSL_read(ssl, buffer, sizeof buffer)) > 0;) answer.append(buffer, static_cast<size_t>(size));
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(socket);
    return answer;
  }

  HelloApplication application_;
  boost::asio::io_context strand_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{strand_.get_executor()};
  std::string folder_;
  std::unique_ptr<HttpServer> server_;
  std::thread runner_;
};

TEST_F(TlsTest, SpeaksTheVersionsThatAreStillGood) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const std::string answer = Ask(version);
    EXPECT_TRUE(answer.ends_with("hello")) << std::hex << version << answer;
    EXPECT_NE(answer.find("strict-transport-security: max-age=31536000"), std::string::npos);
  }
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) EXPECT_EQ(Ask(version), "") << std::hex << version;
}

TEST_F(TlsTest, TakesNoCipherThatHidesNothing) {
  for (const char* ciphers : {"eNULL:@SECLEVEL=0", "aNULL:@SECLEVEL=0", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0", "PSK:@SECLEVEL=0"}) {
    EXPECT_EQ(Ask(TLS1_2_VERSION, ciphers), "") << ciphers;
  }
  EXPECT_TRUE(Ask(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256").ends_with("hello"));
}

TEST_F(TlsTest, SaysWhatIsWrongWithARequestLine) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const std::string answer = Ask(version, "DEFAULT", "/x?y=%00");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
    EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << answer;
  }
}

TEST_F(TlsTest, AnswersNothingInTheClear) {
  const int socket = Connect();
  const std::string request = "GET /x HTTP/1.1\r\nHost: gw\r\n\r\n";
  EXPECT_EQ(write(socket, request.data(), request.size()), static_cast<ssize_t>(request.size()));
  std::string heard;
  char buffer[4096];
  for (ssize_t size = 0; (size = read(socket, buffer, sizeof buffer)) > 0;) heard.append(buffer, static_cast<size_t>(size));
  EXPECT_EQ(heard.find("hello"), std::string::npos);
  EXPECT_EQ(heard.find("200"), std::string::npos);
  close(socket);
}

}  // namespace
}  // namespace byon::http
