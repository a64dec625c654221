// What the server speaks with TLS: versions, ciphers, and who is told to stay with it.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <mutex>
#include <thread>

#include "controlplane/http/http_server.h"
#include "tests/controlplane/http/tls_identity.h"

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

class TlsTest : public testing::Test {
 protected:
  void SetUp() override {
    HttpServerConfig config;
    config.site.public_url = "https://gw.example";
    config.host_sites = {{{"north.example:8443", "orphan.example", "192.0.2.1"}, {"https://north.example", {}, {}}}};
    config.tls = {disk_.Write("server", "DNS:gw.example"),
                  disk_.Write("north", "DNS:north.example,DNS:*.north.example", true)};
    config.connections_per_second_per_address = 1'000'000;
    config.tls_refresh = std::chrono::seconds(0);
    config.report = [this](bool, const std::string& what) {
      const std::lock_guard lock(mutex_);
      told_.push_back(what);
    };
    server_ = std::make_unique<HttpServer>(config, application_, strand_.get_executor());
    runner_ = std::thread([this] { strand_.run(); });
  }
  void TearDown() override {
    server_.reset();
    work_.reset();
    if (runner_.joinable()) runner_.join();
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
      for (int size = 0; (size = SSL_read(ssl, buffer, sizeof buffer)) > 0;)
        answer.append(buffer, static_cast<size_t>(size));
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(socket);
    return answer;
  }

  // The certificate that a client gets who asks for `host`, as its names: "DNS:gw.example"; empty: asks for none.
  std::string NamesShownTo(const std::string& host, int version = TLS1_3_VERSION) {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(context, version);
    SSL* ssl = SSL_new(context);
    const int socket = Connect();
    SSL_set_fd(ssl, socket);
    if (!host.empty()) SSL_set_tlsext_host_name(ssl, host.c_str());
    std::string names;
    if (SSL_connect(ssl) == 1) {
      X509* shown = SSL_get1_peer_certificate(ssl);
      auto* list = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(shown, NID_subject_alt_name, nullptr, nullptr));
      for (int i = 0; i < sk_GENERAL_NAME_num(list); ++i) {
        const ASN1_IA5STRING* name = sk_GENERAL_NAME_value(list, i)->d.dNSName;
        names += std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name)),
                             static_cast<size_t>(ASN1_STRING_length(name))) +
                 " ";
      }
      GENERAL_NAMES_free(list);
      X509_free(shown);
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(socket);
    return names;
  }

  HelloApplication application_;
  boost::asio::io_context strand_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{strand_.get_executor()};
  TlsIdentities disk_;
  std::mutex mutex_;
  std::vector<std::string> told_;
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

TEST_F(TlsTest, EachHostHasItsOwnCertificateOnOnePort) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EXPECT_EQ(NamesShownTo("north.example", version), "north.example *.north.example ");
    EXPECT_EQ(NamesShownTo("a.north.example", version), "north.example *.north.example ");
    for (const char* host : {"gw.example", "", "orphan.example", "a.b.north.example"}) {
      EXPECT_EQ(NamesShownTo(host, version), "gw.example ") << host;
    }
  }
  // Who sets things up hears of the host that browsers would refuse.
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(told_, std::vector<std::string>{"http.tls: no certificate names orphan.example: browsers will refuse it."});
}

TEST_F(TlsTest, ARenewedCertificateIsShownWithoutARestart) {
  disk_.Write("server", "DNS:gw.example,DNS:www.gw.example");
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (NamesShownTo("gw.example") != "gw.example www.gw.example ") {
    ASSERT_LT(std::chrono::steady_clock::now(), patience) << NamesShownTo("gw.example");
  }
  EXPECT_EQ(NamesShownTo("north.example"), "north.example *.north.example ");
}

TEST_F(TlsTest, TakesNoCipherThatHidesNothing) {
  for (const char* ciphers :
       {"eNULL:@SECLEVEL=0", "aNULL:@SECLEVEL=0", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0", "PSK:@SECLEVEL=0"}) {
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
  for (ssize_t size = 0; (size = read(socket, buffer, sizeof buffer)) > 0;)
    heard.append(buffer, static_cast<size_t>(size));
  EXPECT_EQ(heard.find("hello"), std::string::npos);
  EXPECT_EQ(heard.find("200"), std::string::npos);
  close(socket);
}

}  // namespace
}  // namespace byon::http
