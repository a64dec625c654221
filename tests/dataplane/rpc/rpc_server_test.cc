#include "dataplane/rpc/rpc_server.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "dataplane/base/check.h"
#include "media_control.grpc.pb.h"
#include "tests/dataplane/rpc/fake_worker.h"
#include "tests/dataplane/rpc/requests.h"

namespace byon::rpc {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

// This process's own folder, gone with it: keys do not stay behind.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_(testing::TempDir() + "byon-rpc-XXXXXX") {
    BYON_CHECK(mkdtemp(path_.data()) != nullptr, "no temporary folder");
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string FreshPath(const std::string& name) {
  static const TemporaryFolder folder;
  return folder.path() + "/" + name;
}

std::unique_ptr<grpc::ClientContext> NewContext(int limit_seconds = 20) {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(system_clock::now() + seconds(limit_seconds));
  return context;
}

// Asks grpc.health.v1 with messages written by hand: a request has the service's name in field 1,
// an answer the status (1: serving, 2: not serving). -1 when the call fails.
int Health(const std::shared_ptr<grpc::Channel>& channel, const std::string& service) {
  const std::string request = std::string("\x0a") + static_cast<char>(service.size()) + service;
  const grpc::Slice slice(service.empty() ? std::string() : request);
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  const auto context = NewContext();
  const auto call =
      stub.PrepareUnaryCall(context.get(), "/grpc.health.v1.Health/Check", grpc::ByteBuffer(&slice, 1), &queue);
  call->StartCall();
  grpc::ByteBuffer answer;
  grpc::Status status;
  call->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool is_ok = false;
  if (!queue.Next(&tag, &is_ok) || !status.ok()) return -1;
  grpc::Slice bytes;
  (void)answer.DumpToSingleSlice(&bytes);
  return bytes.size() == 2 ? bytes.begin()[1] : -1;
}

class RpcServerTest : public testing::Test {
 protected:
  void Start(RpcConfig config) {
    config.node_id = "node";
    config.access.v4 = config.ims.v4 = net::IpAddress::V4(127, 0, 0, 1);
    worker_.Start([] {});
    auto server = RpcServer::Start(std::move(config), {&worker_.mailbox()});
    ASSERT_TRUE(server.ok()) << server.error();
    server_ = std::move(server).value();
  }
  void TearDown() override {
    server_.reset();
    worker_.Stop();
  }
  static grpc::Status Create(proto::MediaControl::Stub& stub, const std::string& id) {
    proto::CreateSessionRequest request;
    request.set_session_id(id);
    request.set_controller_id("control");
    proto::Session session;
    const auto context = NewContext();
    return stub.CreateSession(context.get(), request, &session);
  }

  FakeWorker worker_;
  std::unique_ptr<RpcServer> server_;
};

TEST_F(RpcServerTest, ServesOnAUnixSocketWithHealthAndDraining) {
  const std::string listen = "unix:" + FreshPath("rpc.sock");
  RpcConfig config;
  config.listen = listen;
  Start(config);
  const auto channel = grpc::CreateChannel(listen, grpc::InsecureChannelCredentials());
  const auto stub = proto::MediaControl::NewStub(channel);
  EXPECT_EQ(Health(channel, ""), 1);
  EXPECT_EQ(Health(channel, "byon.media.v1.MediaControl"), 1);
  EXPECT_EQ(Health(channel, "another"), -1);
  ASSERT_TRUE(Create(*stub, "call-1").ok());
  EXPECT_EQ(server_->session_count(), 1u);
  server_->BeginDraining();
  EXPECT_EQ(Health(channel, "byon.media.v1.MediaControl"), 2);
  EXPECT_EQ(Create(*stub, "call-2").error_code(), grpc::StatusCode::UNAVAILABLE);
  proto::DrainRequest request;
  request.set_cancel(true);
  proto::DrainResponse response;
  ASSERT_TRUE(stub->Drain(NewContext().get(), request, &response).ok());
  EXPECT_EQ(Health(channel, "byon.media.v1.MediaControl"), 1);
  EXPECT_TRUE(Create(*stub, "call-2").ok());
}

TEST_F(RpcServerTest, AStreamGetsItsControllersEventsAndEndsWithTheServer) {
  RpcConfig config;
  config.listen = "127.0.0.1:0";
  Start(config);
  ASSERT_GT(server_->bound_port(), 0);
  const auto channel =
      grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->bound_port()), grpc::InsecureChannelCredentials());
  const auto stub = proto::MediaControl::NewStub(channel);
  proto::WatchEventsRequest watch;
  watch.set_controller_id("control");
  const auto context = NewContext();
  const auto reader = stub->WatchEvents(context.get(), watch);
  reader->WaitForInitialMetadata();  // from here on nothing is missed
  ASSERT_TRUE(Create(*stub, "call-1").ok());
  const std::string long_id(90, 'x');  // longer than what the worker keeps
  proto::ModifySessionRequest modify;
  modify.set_session_id("call-1");
  *modify.mutable_ims() = Ims();
  modify.mutable_ims()->set_stream_id(long_id);
  proto::Session session;
  ASSERT_TRUE(stub->ModifySession(NewContext().get(), modify, &session).ok());
  worker_.Emit(worker_.last_handle(), session::MediaStarted{session::Leg::kIms, session::ShortText(long_id)});
  worker_.Emit(worker_.last_handle() + 100, session::ConsentLost{});  // of no session of ours
  worker_.Emit(worker_.last_handle(), session::DtmfReceived{session::Leg::kIms, '7', 100});
  proto::Event event;
  const auto next = [&] {
    do {
      if (!reader->Read(&event)) return false;
    } while (event.has_heartbeat());
    return true;
  };
  ASSERT_TRUE(next());
  EXPECT_EQ(event.session_id(), "call-1");
  EXPECT_EQ(event.media_started().stream_id(), long_id);
  ASSERT_TRUE(next());
  EXPECT_EQ(event.dtmf().digit(), "7");
  server_.reset();  // closes the session and tells so before the stream ends
  ASSERT_TRUE(next());
  EXPECT_EQ(event.session_closed().by(), proto::SessionClosed::BY_SHUTDOWN);
  EXPECT_FALSE(next());
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(worker_.session_count(), 0u);
}

TEST_F(RpcServerTest, AnAddressInUseIsRefusedInOneSentence) {
  RpcConfig config;
  config.listen = "127.0.0.1:0";
  Start(config);
  config.listen = "127.0.0.1:" + std::to_string(server_->bound_port());
  FakeWorker other;
  const auto second = RpcServer::Start(config, {&other.mailbox()});
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(second.error(), testing::HasSubstr("control.listen is 127.0.0.1:"));
}

// A certificate for "localhost", signed by `issuer` or by itself, and its key, in PEM.
struct Identity {
  std::string certificate, key;
  EVP_PKEY* private_key = nullptr;
  X509* x509 = nullptr;
};
Identity MakeIdentity(const char* name, const Identity* issuer) {
  Identity identity;
  identity.private_key = EVP_EC_gen("P-256");
  X509* x509 = identity.x509 = X509_new();
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), issuer == nullptr ? 1 : 2);
  X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
  X509_set_pubkey(x509, identity.private_key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(x509, X509_get_subject_name(issuer != nullptr ? issuer->x509 : x509));
  for (const auto& [nid, value] :
       {std::pair(NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "CA:FALSE"),
        std::pair(NID_subject_alt_name, "DNS:localhost")}) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(x509, issuer != nullptr ? issuer->private_key : identity.private_key, EVP_sha256());
  const auto to_text = [](auto write) {
    BIO* bio = BIO_new(BIO_s_mem());
    write(bio);
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(bio, &bytes);
    std::string text(bytes, static_cast<size_t>(size));
    BIO_free(bio);
    return text;
  };
  identity.certificate = to_text([&](BIO* bio) { PEM_write_bio_X509(bio, x509); });
  identity.key = to_text(
      [&](BIO* bio) { PEM_write_bio_PrivateKey(bio, identity.private_key, nullptr, nullptr, 0, nullptr, nullptr); });
  return identity;
}
void Free(Identity& identity) {
  EVP_PKEY_free(identity.private_key);
  X509_free(identity.x509);
}

TEST_F(RpcServerTest, MutualTlsLetsInOnlyWhomTheCaKnows) {
  Identity ca = MakeIdentity("byon test ca", nullptr), server = MakeIdentity("node", &ca),
           client = MakeIdentity("control", &ca), stranger_ca = MakeIdentity("other ca", nullptr),
           stranger = MakeIdentity("stranger", &stranger_ca);
  RpcConfig config;
  config.listen = "127.0.0.1:0";
  config.tls = TlsFiles{FreshPath("ca.pem"), FreshPath("cert.pem"), FreshPath("key.pem")};
  std::ofstream(config.tls->ca) << ca.certificate;
  std::ofstream(config.tls->cert) << server.certificate;
  std::ofstream(config.tls->key) << server.key;
  Start(config);
  const std::string target = "127.0.0.1:" + std::to_string(server_->bound_port());
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride("localhost");
  const auto node_status = [&](const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
    const auto stub = proto::MediaControl::NewStub(grpc::CreateCustomChannel(target, credentials, arguments));
    proto::Node node;
    return stub->GetNode(NewContext(10).get(), proto::GetNodeRequest(), &node).error_code();
  };
  EXPECT_EQ(node_status(grpc::SslCredentials({ca.certificate, client.key, client.certificate})), grpc::StatusCode::OK);
  EXPECT_NE(node_status(grpc::SslCredentials({ca.certificate, "", ""})), grpc::StatusCode::OK);
  EXPECT_NE(node_status(grpc::SslCredentials({ca.certificate, stranger.key, stranger.certificate})),
            grpc::StatusCode::OK);
  EXPECT_NE(node_status(grpc::InsecureChannelCredentials()), grpc::StatusCode::OK);
  config.tls->key = "/no/such/key.pem";
  FakeWorker other;
  EXPECT_THAT(RpcServer::Start(config, {&other.mailbox()}).error(),
              testing::HasSubstr("control.tls: the file /no/such/key.pem cannot be read"));
  for (Identity* identity : {&ca, &server, &client, &stranger_ca, &stranger}) Free(*identity);
}

}  // namespace
}  // namespace byon::rpc
