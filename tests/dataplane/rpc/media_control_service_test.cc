#include "dataplane/rpc/media_control_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <utility>

#include "dataplane/codec/amr_wb_batch.h"
#include "dataplane/pipeline/codec_setup.h"
#include "tests/dataplane/rpc/fake_worker.h"
#include "tests/dataplane/rpc/requests.h"

namespace byon::rpc {
namespace {

using grpc::StatusCode;
using testing::HasSubstr;

constexpr std::chrono::milliseconds kLong{20'000};

RpcConfig TestConfig() {
  RpcConfig config;
  config.node_id = "node-1";
  config.version = "1.2.3";
  config.access.v4 = net::IpAddress::V4(127, 0, 0, 1);
  config.access.v6 = net::IpAddress::Parse("::1");
  config.access.advertised_v4 = net::IpAddress::V4(198, 51, 100, 7);
  config.ims.v4 = net::IpAddress::V4(127, 0, 0, 2);
  config.first_port = 20'000;
  config.last_port = 20'063;  // eight blocks a worker
  config.sessions_per_worker = 3;
  config.io_drops = [] { return std::map<std::string, uint64_t>{{"io_truncated", 9}, {"io_x", 0}}; };
  return config;
}

class MediaControlServiceTest : public testing::Test {
 protected:
  explicit MediaControlServiceTest(RpcConfig config = TestConfig())
      : service_(std::move(config), {&workers_[0].mailbox(), &workers_[1].mailbox()}) {
    workers_[0].Start([this] { service_.ServeReports(); });
    workers_[1].Start([] {});
  }
  ~MediaControlServiceTest() override {
    for (FakeWorker& worker : workers_) worker.Stop();
  }

  static proto::CreateSessionRequest CreateRequest(const std::string& id) {
    proto::CreateSessionRequest request;
    request.set_session_id(id);
    request.set_controller_id("control");
    return request;
  }
  grpc::Status Create(const proto::CreateSessionRequest& request) {
    session_.Clear();
    return service_.CreateSession(nullptr, &request, &session_);
  }
  grpc::Status Create(const std::string& id) { return Create(CreateRequest(id)); }
  grpc::Status Modify(const proto::ModifySessionRequest& request) {
    session_.Clear();
    return service_.ModifySession(nullptr, &request, &session_);
  }
  grpc::Status Close(const std::string& id) {
    proto::CloseSessionRequest request;
    request.set_session_id(id);
    request.set_reason("done");
    closed_.Clear();
    return service_.CloseSession(nullptr, &request, &closed_);
  }
  void WaitForNoSessions() {
    const auto end = std::chrono::steady_clock::now() + kLong;
    while (service_.session_count() > 0 && std::chrono::steady_clock::now() < end) {
      std::this_thread::yield();
    }
    EXPECT_EQ(service_.session_count(), 0u);
  }

  FakeWorker workers_[2];
  MediaControlService service_;
  proto::Session session_;
  proto::CloseSessionResponse closed_;
};

TEST_F(MediaControlServiceTest, ACreatedSessionSaysItsOwnEnds) {
  ASSERT_TRUE(Create("call-1").ok());
  EXPECT_EQ(session_.session_id(), "call-1");
  EXPECT_EQ(session_.controller_id(), "control");
  EXPECT_GE(session_.access().ice_ufrag().size(), 4u);
  EXPECT_GE(session_.access().ice_pwd().size(), 22u);
  ASSERT_EQ(session_.access().candidates_size(), 1);
  const proto::IceCandidate& candidate = session_.access().candidates(0);
  EXPECT_EQ(candidate.ip(), "198.51.100.7") << "the NAT's address";
  EXPECT_EQ(candidate.priority(), 2130706431u);
  EXPECT_EQ(session_.access().fingerprint().algorithm(), "sha-256");
  EXPECT_EQ(session_.ims().rtp().ip(), "127.0.0.2");
  EXPECT_EQ(session_.ims().rtp().port() % 2, 0u);
  EXPECT_EQ(session_.ims().rtcp().port(), session_.ims().rtp().port() + 1);
  EXPECT_NE(session_.ims().ssrc(), session_.access().ssrc());
  EXPECT_FALSE(session_.has_access_remote() || session_.has_ims_remote());
  EXPECT_EQ(session_.access_state(), proto::TRANSPORT_STATE_NEW);
  const auto config = workers_[session_.worker()].Look([](FakeWorker& w) { return w.created.back(); });
  EXPECT_EQ(config.access.address.ip, net::IpAddress::V4(127, 0, 0, 1)) << "bound to the own one";
  EXPECT_EQ(config.access.address.port, candidate.port());
  EXPECT_EQ(config.access.ice.ufrag, session_.access().ice_ufrag());
}

TEST_F(MediaControlServiceTest, JoinsSessionsOfOneWorker) {
  const auto create = [this](const std::string& id, const std::string& beside = "") {
    proto::CreateSessionRequest request = CreateRequest(id);
    *request.mutable_ims() = Ims();
    request.set_beside_session_id(beside);
    const grpc::Status status = Create(request);
    return std::pair(status.error_code(), session_.worker());
  };
  const auto join = [this](const std::string& id, const std::string& peer) {
    proto::JoinSessionsRequest request;
    request.set_session_id(id);
    request.set_peer_session_id(peer);
    return service_.JoinSessions(nullptr, &request, nullptr).error_code();
  };
  const auto call = create("call");
  EXPECT_NE(create("other").second, call.second) << "the worker with the fewest";
  EXPECT_EQ(create("leg", "call"), call);
  EXPECT_EQ(create("more", "nowhere").first, grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(join("call", "leg"), grpc::StatusCode::OK);
  EXPECT_EQ(join("leg", "call"), grpc::StatusCode::OK) << "again";
  EXPECT_EQ(join("call", "other"), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(join("call", "call"), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(join("call", "gone"), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(join("call", ""), grpc::StatusCode::INVALID_ARGUMENT);
  proto::CreateSessionRequest bare = CreateRequest("bare");
  bare.set_beside_session_id("call");
  ASSERT_TRUE(Create(bare).ok());
  EXPECT_EQ(join("bare", "leg"), grpc::StatusCode::FAILED_PRECONDITION) << "no codec yet";
  // Another codec on a joined leg: the other session's decoders follow.
  proto::ModifySessionRequest change;
  change.set_session_id("leg");
  *change.mutable_ims() = Ims();
  change.mutable_ims()->mutable_audio()->mutable_send()->set_payload_type(99);
  *change.mutable_ims()->mutable_audio()->mutable_receive(0) = change.ims().audio().send();
  EXPECT_TRUE(Modify(change).ok());
  EXPECT_TRUE(Close("call").ok());
  change.mutable_ims()->mutable_audio()->mutable_send()->set_payload_type(97);
  *change.mutable_ims()->mutable_audio()->mutable_receive(0) = change.ims().audio().send();
  EXPECT_TRUE(Modify(change).ok()) << "the other one has gone";
}

// The other session would go on decoding a codec that is no longer sent.
TEST_F(MediaControlServiceTest, AJoinThatFailedIsMadeUpForByTheNextChange) {
  proto::CreateSessionRequest request = CreateRequest("call");
  *request.mutable_ims() = Ims();
  ASSERT_TRUE(Create(request).ok());
  request.set_session_id("leg");
  request.set_beside_session_id("call");
  ASSERT_TRUE(Create(request).ok());
  FakeWorker& worker = workers_[session_.worker()];
  const auto joins = [&worker] { return worker.Look([](FakeWorker& w) { return w.joins; }); };
  proto::JoinSessionsRequest join;
  join.set_session_id("call");
  join.set_peer_session_id("leg");
  ASSERT_TRUE(service_.JoinSessions(nullptr, &join, nullptr).ok());
  ASSERT_EQ(joins(), 1u);

  proto::ModifySessionRequest change;
  change.set_session_id("leg");
  *change.mutable_ims() = Ims();
  change.mutable_ims()->mutable_audio()->mutable_send()->set_payload_type(99);
  *change.mutable_ims()->mutable_audio()->mutable_receive(0) = change.ims().audio().send();
  worker.AnswerNext<worker::JoinSessions>(worker::CommandStatus::kWrongState);
  EXPECT_FALSE(Modify(change).ok());
  EXPECT_EQ(joins(), 1u);
  EXPECT_TRUE(Modify(change).ok()) << "nothing new but what is owed";
  EXPECT_EQ(joins(), 2u);
  EXPECT_TRUE(Modify(change).ok());
  EXPECT_EQ(joins(), 2u) << "nothing is owed any more";
}

TEST_F(MediaControlServiceTest, DescriptionsMayComeWithTheCreation) {
  proto::CreateSessionRequest request = CreateRequest("call-1");
  *request.mutable_access() = Access();
  *request.mutable_ims() = Ims();
  const auto status = Create(request);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(session_.has_access_remote() && session_.has_ims_remote());
  EXPECT_EQ(workers_[session_.worker()].Look([](FakeWorker& w) { return w.modifications; }), 1u);
}

TEST_F(MediaControlServiceTest, FamiliesAreChosenOrRefused) {
  proto::CreateSessionRequest request = CreateRequest("call-1");
  request.set_access_family(proto::IP_FAMILY_V6);
  ASSERT_TRUE(Create(request).ok());
  EXPECT_EQ(session_.access().candidates(0).ip(), "::1");
  request = CreateRequest("call-2");
  request.set_ims_family(proto::IP_FAMILY_V6);
  const auto status = Create(request);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("ims_family is IPv6, but this node has no such"));
  request.set_ims_family(static_cast<proto::IpFamily>(5));
  EXPECT_EQ(Create(request).error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(MediaControlServiceTest, CreatingTwiceHasTheEffectOfOnce) {
  ASSERT_TRUE(Create("call-1").ok());
  const std::string ufrag = session_.access().ice_ufrag();
  ASSERT_TRUE(Create("call-1").ok());
  EXPECT_EQ(session_.access().ice_ufrag(), ufrag);
  EXPECT_EQ(service_.session_count(), 1u);
  EXPECT_EQ(workers_[0].session_count() + workers_[1].session_count(), 1u);
  proto::CreateSessionRequest other = CreateRequest("call-1");
  *other.mutable_ims() = Ims();
  EXPECT_EQ(Create(other).error_code(), StatusCode::FAILED_PRECONDITION);
}

TEST_F(MediaControlServiceTest, SessionsGoToTheWorkerWithTheFewest) {
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(Create("call-" + std::to_string(i)).ok());
  EXPECT_EQ(workers_[0].session_count(), 3u);
  EXPECT_EQ(workers_[1].session_count(), 3u);
  const auto status = Create("one-too-many");
  EXPECT_EQ(status.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  ASSERT_TRUE(Close("call-3").ok());
  EXPECT_TRUE(Create("fits-again").ok());
}

TEST_F(MediaControlServiceTest, PortsInUseAreTriedOverAndOthersGiveUp) {
  for (int i = 0; i < 3; ++i) {
    workers_[0].AnswerNext<worker::CreateSession>(worker::CommandStatus::kPortInUse);
  }
  ASSERT_TRUE(Create("call-1").ok());
  EXPECT_EQ(session_.ims().rtp().port(), 20'012u) << "the fourth block";
  workers_[1].AnswerNext<worker::CreateSession>(worker::CommandStatus::kPortUnusable);
  const auto status = Create("call-2");
  EXPECT_EQ(status.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("not one of this machine's"));
  EXPECT_EQ(service_.session_count(), 1u);
  for (int i = 0; i < 16; ++i) {
    workers_[1].AnswerNext<worker::CreateSession>(worker::CommandStatus::kPortInUse);
  }
  EXPECT_EQ(Create("call-3").error_code(), StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(MediaControlServiceTest, AWorkersRefusalOfTheDescriptionUndoesTheCreation) {
  proto::CreateSessionRequest request = CreateRequest("call-1");
  *request.mutable_ims() = Ims();
  workers_[0].AnswerNext<worker::ModifySession>(worker::CommandStatus::kWrongState);
  EXPECT_EQ(Create(request).error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(service_.session_count(), 0u);
  EXPECT_EQ(workers_[0].session_count(), 0u);
  EXPECT_TRUE(Create(request).ok());
}

TEST_F(MediaControlServiceTest, ModifyingSetsWhatIsPresent) {
  ASSERT_TRUE(Create("call-1").ok());
  const std::string pwd = session_.access().ice_pwd();
  proto::ModifySessionRequest request;
  request.set_session_id("call-1");
  *request.mutable_ims() = Ims();
  ASSERT_TRUE(Modify(request).ok());
  EXPECT_TRUE(session_.has_ims_remote());
  EXPECT_FALSE(session_.has_access_remote());
  EXPECT_EQ(session_.access().ice_pwd(), pwd);
  request.Clear();
  request.set_session_id("call-1");
  request.set_restart_ice(true);
  ASSERT_TRUE(Modify(request).ok());
  EXPECT_NE(session_.access().ice_pwd(), pwd);
  EXPECT_TRUE(session_.has_ims_remote());
}

TEST_F(MediaControlServiceTest, TheNodesOpusCodingGoesIntoItsSessions) {
  proto::CreateSessionRequest request = CreateRequest("call-1");
  *request.mutable_access() = Access();
  ASSERT_TRUE(Create(request).ok());
  const auto format = workers_[session_.worker()].Look([](auto& w) { return w.last_access; });
  EXPECT_EQ(format.codec, codec::Codec::kOpus);
  EXPECT_EQ(format.opus.coding, codec::OpusCoding::kAdaptive);
}

TEST_F(MediaControlServiceTest, AmrWbIsEncodedInTheBatchOfTheSessionsWorker) {
  const auto batch = codec::AmrWbBatch::MakeForThisCpu();
  if (!batch) GTEST_SKIP() << "this CPU has no batch encoder";
  for (FakeWorker& worker : workers_) worker.mailbox().amr_wb_batch = batch.get();
  proto::CreateSessionRequest request = CreateRequest("call-1");
  *request.mutable_ims() = Ims();
  ASSERT_TRUE(Create(request).ok());
  auto send = workers_[session_.worker()].Look([](auto& w) { return std::move(w.last_ims_send); });
  std::array<std::byte, codec::kMaxEncodedBytes> payload;
  EXPECT_GT(send->encoder().Encode(codec::AudioFrame::Silence(16'000), payload).bytes, 0u);
  EXPECT_EQ(batch->frames(), 1u);
}

TEST_F(MediaControlServiceTest, ModifyingSaysWhatIsWrong) {
  proto::ModifySessionRequest request;
  request.set_session_id("nobody");
  EXPECT_EQ(Modify(request).error_code(), StatusCode::NOT_FOUND);
  request.set_session_id("no good");
  EXPECT_EQ(Modify(request).error_code(), StatusCode::INVALID_ARGUMENT);
  ASSERT_TRUE(Create("call-1").ok());
  request.set_session_id("call-1");
  request.mutable_access()->set_ice_ufrag("x");
  const auto status = Modify(request);
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("access.ice_ufrag is \"x\""));
  request.clear_access();
  workers_[session_.worker()].AnswerNext<worker::ModifySession>(worker::CommandStatus::kWrongState);
  EXPECT_EQ(Modify(request).error_code(), StatusCode::FAILED_PRECONDITION);
}

TEST_F(MediaControlServiceTest, ClosingGivesTheLastFiguresAndThePortsBack) {
  ASSERT_TRUE(Create("call-1").ok());
  const uint32_t worker = session_.worker();
  ASSERT_TRUE(Close("call-1").ok());
  EXPECT_TRUE(closed_.existed());
  EXPECT_EQ(closed_.final_stats().session_id(), "call-1");
  EXPECT_EQ(closed_.final_stats().ims().packets_sent(), 42u);
  EXPECT_EQ(workers_[worker].Look([](FakeWorker& w) { return w.last_reason; }), "done");
  ASSERT_TRUE(Close("call-1").ok());
  EXPECT_FALSE(closed_.existed());
  // Many more sessions than blocks, one after the other.
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(Create("again").ok()) << i;
    ASSERT_TRUE(Close("again").ok());
  }
}

TEST_F(MediaControlServiceTest, ListsByController) {
  ASSERT_TRUE(Create("call-1").ok());
  proto::CreateSessionRequest other = CreateRequest("call-2");
  other.set_controller_id("other");
  ASSERT_TRUE(Create(other).ok());
  proto::ListSessionsRequest request;
  proto::ListSessionsResponse response;
  ASSERT_TRUE(service_.ListSessions(nullptr, &request, &response).ok());
  EXPECT_EQ(response.sessions_size(), 2);
  proto::Node node;
  ASSERT_TRUE(service_.GetNode(nullptr, nullptr, &node).ok());
  EXPECT_EQ(response.generation(), node.generation());
  request.set_controller_id("other");
  response.Clear();
  ASSERT_TRUE(service_.ListSessions(nullptr, &request, &response).ok());
  ASSERT_EQ(response.sessions_size(), 1);
  EXPECT_EQ(response.sessions(0).session_id(), "call-2");
}

TEST_F(MediaControlServiceTest, TheNodeDescribesItself) {
  ASSERT_TRUE(Create("call-1").ok());
  proto::Node node;
  ASSERT_TRUE(service_.GetNode(nullptr, nullptr, &node).ok());
  EXPECT_EQ(node.node_id(), "node-1");
  EXPECT_EQ(node.version(), "1.2.3");
  EXPECT_EQ(node.worker_count(), 2u);
  EXPECT_EQ(node.session_count(), 1u);
  EXPECT_EQ(node.session_capacity(), 6u);
  EXPECT_EQ(node.lease_seconds(), 600u);
  EXPECT_FALSE(node.is_draining());
  EXPECT_FALSE(node.generation().empty());
}

TEST_F(MediaControlServiceTest, DigitsAndTonesReachTheWorker) {
  ASSERT_TRUE(Create("call-1").ok());
  FakeWorker& worker = workers_[session_.worker()];
  proto::SendDtmfRequest dtmf;
  dtmf.set_session_id("call-1");
  dtmf.set_leg(proto::LEG_IMS);
  dtmf.set_digits("5#");
  proto::SendDtmfResponse dtmf_response;
  ASSERT_TRUE(service_.SendDtmf(nullptr, &dtmf, &dtmf_response).ok());
  EXPECT_EQ(worker.Look([](FakeWorker& w) { return w.last_dtmf.digits.size(); }), 2u);
  worker.AnswerNext<worker::SendDtmf>(worker::CommandStatus::kNotNegotiated);
  EXPECT_EQ(service_.SendDtmf(nullptr, &dtmf, &dtmf_response).error_code(), StatusCode::FAILED_PRECONDITION);
  dtmf.set_digits("");
  EXPECT_EQ(service_.SendDtmf(nullptr, &dtmf, &dtmf_response).error_code(), StatusCode::INVALID_ARGUMENT);
  proto::PlayToneRequest tone;
  tone.set_session_id("call-1");
  tone.set_leg(proto::LEG_ACCESS);
  tone.set_tone(proto::TONE_RINGBACK);
  proto::PlayToneResponse tone_response;
  ASSERT_TRUE(service_.PlayTone(nullptr, &tone, &tone_response).ok());
  EXPECT_EQ(worker.Look([](FakeWorker& w) { return w.last_tone.tone; }), pipeline::Tone::kRingback);
  tone.set_leg(proto::LEG_UNSPECIFIED);
  EXPECT_EQ(service_.PlayTone(nullptr, &tone, &tone_response).error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(MediaControlServiceTest, StatsOfSessionAndNode) {
  ASSERT_TRUE(Create("call-1").ok());
  proto::GetStatsRequest request;
  request.set_session_id("call-1");
  proto::SessionStats stats;
  ASSERT_TRUE(service_.GetStats(nullptr, &request, &stats).ok());
  EXPECT_EQ(stats.access().packets_received(), 11u);
  EXPECT_EQ(stats.ims().codec(), "AMR-WB");
  EXPECT_EQ(stats.drops().at("srtp_auth_failed"), 2u);
  EXPECT_EQ(stats.drops().size(), 1u) << "only what happened";
  request.set_session_id("nobody");
  EXPECT_EQ(service_.GetStats(nullptr, &request, &stats).error_code(), StatusCode::NOT_FOUND);

  proto::NodeStats node;
  ASSERT_TRUE(service_.GetNodeStats(nullptr, nullptr, &node).ok());
  EXPECT_EQ(node.workers_size(), 2);
  EXPECT_EQ(node.packets_received(), 200u);
  EXPECT_EQ(node.workers(1).handed_over(), 7u);
  EXPECT_EQ(node.drops().at("srtp_replayed"), 6u);
  EXPECT_EQ(node.drops().at("io_truncated"), 9u);
  EXPECT_FALSE(node.drops().contains("io_x"));
}

TEST_F(MediaControlServiceTest, ADrainingNodeKeepsTheOldAndRefusesTheNew) {
  ASSERT_TRUE(Create("call-1").ok());
  std::vector<bool> told;
  service_.SetOnDraining([&] { told.push_back(service_.is_draining()); });
  proto::DrainRequest request;
  proto::DrainResponse response;
  ASSERT_TRUE(service_.Drain(nullptr, &request, &response).ok());
  EXPECT_EQ(response.sessions_left(), 1u);
  EXPECT_EQ(Create("call-2").error_code(), StatusCode::UNAVAILABLE);
  EXPECT_TRUE(Create("call-1").ok()) << "a repetition is no new session";
  proto::ModifySessionRequest modify;
  modify.set_session_id("call-1");
  EXPECT_TRUE(Modify(modify).ok());
  request.set_cancel(true);
  ASSERT_TRUE(service_.Drain(nullptr, &request, &response).ok());
  EXPECT_TRUE(Create("call-2").ok());
  EXPECT_EQ(told, (std::vector<bool>{true, false}));
}

TEST_F(MediaControlServiceTest, EventsChangeTheStateThatIsListed) {
  ASSERT_TRUE(Create("call-1").ok());
  FakeWorker& worker = workers_[session_.worker()];
  const auto wait_for = [&](proto::TransportState state) {
    const auto end = std::chrono::steady_clock::now() + kLong;
    proto::ListSessionsRequest request;
    proto::ListSessionsResponse response;
    do {
      response.Clear();
      (void)service_.ListSessions(nullptr, &request, &response);
    } while (response.sessions(0).access_state() != state && std::chrono::steady_clock::now() < end);
    EXPECT_EQ(response.sessions(0).access_state(), state);
  };
  worker.Emit(worker.last_handle(), session::IceConnected{});
  wait_for(proto::TRANSPORT_STATE_ICE_CONNECTED);
  worker.Emit(worker.last_handle(), session::DtlsConnected{srtp::SrtpProfile::kAeadAes128Gcm});
  wait_for(proto::TRANSPORT_STATE_DTLS_CONNECTED);
  worker.Emit(worker.last_handle(), session::ConsentLost{});
  wait_for(proto::TRANSPORT_STATE_CONSENT_LOST);
  worker.Emit(worker.last_handle(), session::SessionFailed{session::FailureCause::kDtlsClosed});
  wait_for(proto::TRANSPORT_STATE_FAILED);
}

TEST_F(MediaControlServiceTest, CloseAllEndsEverySession) {
  ASSERT_TRUE(Create("call-1").ok());
  ASSERT_TRUE(Create("call-2").ok());
  service_.CloseAll(proto::SessionClosed::BY_SHUTDOWN);
  WaitForNoSessions();
  EXPECT_EQ(workers_[0].session_count() + workers_[1].session_count(), 0u);
}

class ShortLeaseTest : public MediaControlServiceTest {
 protected:
  ShortLeaseTest() : MediaControlServiceTest(Config()) {}
  static RpcConfig Config() {
    RpcConfig config = TestConfig();
    config.lease = base::TimeDelta();  // over as soon as it begins
    return config;
  }
};

TEST_F(ShortLeaseTest, SessionsOfALostControllerAreClosed) {
  ASSERT_TRUE(Create("call-1").ok());
  service_.Housekeep(false);
  WaitForNoSessions();
}

class BriefLeaseTest : public MediaControlServiceTest {
 protected:
  static constexpr base::TimeDelta kLease = base::TimeDelta::Milliseconds(30);
  BriefLeaseTest() : MediaControlServiceTest(Config()) {}
  static RpcConfig Config() {
    RpcConfig config = TestConfig();
    config.lease = kLease;
    return config;
  }
};

// Anybody may look at a node: an operator's display must not keep a lost controller's calls alive.
TEST_F(BriefLeaseTest, AskingForFiguresRenewsNoLease) {
  ASSERT_TRUE(Create("call-1").ok());
  const auto over = std::chrono::steady_clock::now() + std::chrono::nanoseconds(2 * kLease.nanoseconds());
  proto::GetStatsRequest request;
  request.set_session_id("call-1");
  while (std::chrono::steady_clock::now() < over) {
    proto::SessionStats stats;
    ASSERT_TRUE(service_.GetStats(nullptr, &request, &stats).ok());
  }
  service_.Housekeep(false);
  WaitForNoSessions();
}

TEST_F(MediaControlServiceTest, ALeaseThatRunsKeepsSessions) {
  ASSERT_TRUE(Create("call-1").ok());
  service_.Housekeep(false);
  EXPECT_EQ(service_.session_count(), 1u);
  EXPECT_TRUE(Close("call-1").ok());
}

TEST_F(MediaControlServiceTest, ManyThreadsCreateModifyAndClose) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 30; ++i) {
        proto::CreateSessionRequest request =
            CreateRequest("call-" + std::to_string((t + i) % 3));  // the same names in all threads
        proto::Session session;
        (void)service_.CreateSession(nullptr, &request, &session);
        proto::ModifySessionRequest modify;
        modify.set_session_id(request.session_id());
        *modify.mutable_ims() = Ims();
        (void)service_.ModifySession(nullptr, &modify, &session);
        proto::CloseSessionRequest close;
        close.set_session_id(request.session_id());
        proto::CloseSessionResponse closed;
        EXPECT_TRUE(service_.CloseSession(nullptr, &close, &closed).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(service_.session_count(), 0u);
  EXPECT_EQ(workers_[0].session_count() + workers_[1].session_count(), 0u);
}

}  // namespace
}  // namespace byon::rpc
