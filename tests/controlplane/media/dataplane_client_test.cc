#include "controlplane/media/dataplane_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <mutex>

#include "tests/controlplane/media/fake_dataplane.h"

namespace byon::media {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;

// The gateway's strand: what is posted runs on the test's own thread while it waits for something.
class Strand {
 public:
  DataplaneClient::Post post() {
    return [this](std::function<void()> run) {
      std::lock_guard lock(mutex_);
      queue_.push_back(std::move(run));
      changed_.notify_all();
    };
  }
  [[nodiscard]] bool RunUntil(const std::function<bool()>& is_true) {
    auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!is_true()) {
      std::unique_lock lock(mutex_);
      if (queue_.empty()) changed_.wait_for(lock, 5ms);
      if (std::chrono::steady_clock::now() > deadline) return false;
      if (queue_.empty()) continue;
      auto run = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      run();
    }
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
};

class Observer final : public call::MediaObserver {
 public:
  std::vector<std::string> log;
  call::MediaLocals locals;
  void OnMediaReady(const std::string& id, uint64_t change, call::MediaLocals l) override {
    locals = std::move(l);
    log.push_back("ready " + id + ' ' + std::to_string(change));
  }
  void OnMediaRefused(const std::string& id, uint64_t change, std::string reason) override {
    log.push_back("refused " + id + ' ' + std::to_string(change) + ": " + reason);
  }
  void OnAccessConnected(const std::string& id) override { log.push_back("connected " + id); }
  void OnMediaStarted(const std::string& id, call::Leg leg, const std::string& stream) override {
    log.push_back("started " + id + (leg == call::Leg::kIms ? " ims " : " access ") + stream);
  }
  void OnDtmf(const std::string& id, call::Leg, std::string digit, int duration) override {
    log.push_back("dtmf " + id + ' ' + digit + ' ' + std::to_string(duration));
  }
  void OnMediaEnded(const std::string& id, call::MediaEnd end, std::string detail) override {
    log.push_back("ended " + id + ": " + std::string(ToString(end)) + (detail.empty() ? "" : ", " + detail));
  }
};

class DataplaneClientTest : public ::testing::Test {
 protected:
  void Start(std::vector<FakeDataplane*> nodes, std::vector<std::string> adopted = {}) {
    DataplaneClientConfig config;
    config.command_timeout = 2000ms;
    config.reconnect_min = 20ms;
    config.reconnect_max = 100ms;
    config.probe_interval = 50ms;
    for (FakeDataplane* node : nodes) config.dataplanes.push_back({node->address(), {}, {}, {}});
    client = std::make_unique<DataplaneClient>(config, strand.post());
    client->Start(observer);
    client->Adopt(std::move(adopted));
    ASSERT_TRUE(strand.RunUntil([&] {
      size_t reachable = 0;
      for (const auto& status : client->status()) reachable += status.is_reachable;
      return reachable == nodes.size();
    }));
  }
  bool Sees(const std::string& text) {
    return strand.RunUntil([&] { return testing::Matches(Contains(text))(observer.log); });
  }
  bool Did(FakeDataplane& node, const std::string& command) {
    return strand.RunUntil([&] { return node.Locked([&] { return testing::Matches(Contains(command))(node.log); }); });
  }

  Strand strand;
  Observer observer;
  std::unique_ptr<DataplaneClient> client;
};

sdp::AccessMedia Access() {
  sdp::AccessMedia media;
  media.ice_ufrag = "user";
  media.ice_pwd = "password";
  media.fingerprints = {{"sha-256", "AA"}};
  media.gateway_dtls_role = sdp::DtlsRole::kServer;
  media.audio.send.payload_type = 111;
  media.audio.send.encoding_name = "opus";
  media.audio.send.clock_rate_hz = 48000;
  media.audio.send.channels = 2;
  media.audio.receive = {media.audio.send};
  media.audio.telephone_events = {{110, 48000}};
  media.audio.red_payload_type = 63;
  media.direction = sdp::Direction::kSendRecv;
  return media;
}

TEST_F(DataplaneClientTest, CreatesModifiesAndCloses) {
  FakeDataplane node("a");
  Start({&node});
  EXPECT_TRUE(client->is_ready());
  client->Create("c1", {.access = Access()});
  ASSERT_TRUE(Sees("ready c1 0"));
  EXPECT_EQ(observer.locals.access.ice_ufrag, "uf-a");
  EXPECT_EQ(observer.locals.ims.rtp.port, 20000);
  ASSERT_EQ(observer.locals.access.candidates.size(), 1u);
  auto created = node.Locked([&] { return node.created[0]; });
  EXPECT_EQ(created.controller_id(), "controlplane");
  EXPECT_EQ(created.access().gateway_dtls_role(), v1::DTLS_ROLE_SERVER);
  EXPECT_EQ(created.access().audio().send().encoding_name(), "opus");
  EXPECT_EQ(created.access().audio().red_payload_type(), 63u);
  EXPECT_FALSE(created.has_ims());

  sdp::ImsMedia ims;
  ims.rtp = sdp::TransportAddress{"10.0.0.1", 30000};
  ims.audio.send.encoding_name = "AMR-WB";
  ims.audio.send.mode_set = {0, 1, 2};
  ims.direction = sdp::Direction::kRecvOnly;
  call::MediaChange change{.ims = ims};
  change.stream_id = "dialog";
  change.restart_ice = true;
  client->Modify("c1", 5, change);
  ASSERT_TRUE(Sees("ready c1 5"));
  EXPECT_EQ(observer.locals.access.ice_ufrag, "restarted");
  auto modified = node.Locked([&] { return node.modified[0]; });
  EXPECT_EQ(modified.ims().stream_id(), "dialog");
  EXPECT_EQ(modified.ims().direction(), v1::DIRECTION_RECVONLY);
  EXPECT_EQ(modified.ims().audio().send().mode_set_size(), 3);
  EXPECT_FALSE(modified.has_access());

  client->PlayTone("c1", call::Leg::kAccess, call::Tone::kRingback);
  client->Close("c1", "over");
  ASSERT_TRUE(Did(node, "close c1"));
  client->Modify("c1", 6, {});
  EXPECT_TRUE(Sees("refused c1 6: the media session is gone"));
}

// A call is not worth less for a node that lacks its music.
TEST_F(DataplaneClientTest, JoinsSessionsThatWereMadeBesideEachOther) {
  FakeDataplane small("a");
  FakeDataplane large("b");
  small.Locked([&] { small.capacity = 10; });
  Start({&small, &large});
  client->Create("c1", {.access = Access()});
  ASSERT_TRUE(Sees("ready c1 0"));
  // The other node has more room by now; the second leg must not go there.
  large.Locked([&] { large.capacity = 1; });
  ASSERT_TRUE(strand.RunUntil([&] { return client->status()[1].session_capacity == 1; }));
  call::MediaChange leg;
  leg.beside = "c1";
  client->Create("leg", leg);
  ASSERT_TRUE(Sees("ready leg 0"));
  EXPECT_EQ(large.Locked([&] { return large.created.back().beside_session_id(); }), "c1");
  std::vector<std::string> outcomes;
  const auto join = [&](const std::string& id) {
    client->Join(id, "c1", [&](std::optional<std::string> error) { outcomes.push_back(error.value_or("joined")); });
    EXPECT_TRUE(strand.RunUntil([&, before = outcomes.size()] { return outcomes.size() > before; }));
  };
  join("leg");
  EXPECT_TRUE(Did(large, "join leg c1"));
  large.Locked([&] {
    large.reply = [](const std::string& command) {
      return command.starts_with("join") ? grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "other workers")
                                         : grpc::Status::OK;
    };
  });
  join("leg");
  join("unknown");
  EXPECT_EQ(outcomes, (std::vector<std::string>{"joined", "other workers", "the media session is gone"}));
  leg.beside = "nowhere";
  client->Create("stray", leg);
  EXPECT_TRUE(Sees("refused stray 0: the call to be placed beside has no media session"));
}

TEST_F(DataplaneClientTest, HoldMusicIsComfortNoiseWhereTheNodeHasNone) {
  FakeDataplane node("a");
  node.announcements = {"waltz"};
  Start({&node});
  client->Create("c1", {.access = Access()});
  ASSERT_TRUE(Sees("ready c1 0"));
  sdp::ImsMedia ims;
  ims.rtp = sdp::TransportAddress{"10.0.0.1", 30000};
  ims.rtcp_xr = {.voip_metrics = true};
  ims.rtcp_bandwidth_bps = 2049;
  using Kind = call::HoldAudio::Kind;
  call::MediaChange change{.ims = ims};
  change.ims_hold = call::HoldAudio{Kind::kAnnouncement, "waltz", false};
  change.access_hold = call::HoldAudio{Kind::kAnnouncement, "jazz", true};
  client->Modify("c1", 1, change);
  ASSERT_TRUE(Sees("ready c1 1"));
  const auto modified = node.Locked([&] { return node.modified[0]; });
  EXPECT_TRUE(modified.ims().rtcp_xr().voip_metrics());
  EXPECT_EQ(modified.ims().rtcp_bandwidth_bps(), 2049u);
  EXPECT_EQ(modified.ims().hold_audio().kind(), v1::HoldAudio::KIND_ANNOUNCEMENT);
  EXPECT_EQ(modified.ims().hold_audio().announcement(), "waltz");
  EXPECT_EQ(modified.access().hold_audio().kind(), v1::HoldAudio::KIND_COMFORT_NOISE);
  EXPECT_TRUE(modified.access().hold_audio().only_when_silent());
  EXPECT_FALSE(modified.access().has_audio());
}

TEST_F(DataplaneClientTest, KeepsTheOrderOfASessionsCommands) {
  FakeDataplane node("a");
  Start({&node});
  client->Create("c1", {});
  for (uint64_t i = 1; i <= 5; ++i) client->Modify("c1", i, {});
  ASSERT_TRUE(Sees("ready c1 5"));
  EXPECT_THAT(observer.log,
              ElementsAre("ready c1 0", "ready c1 1", "ready c1 2", "ready c1 3", "ready c1 4", "ready c1 5"));
}

TEST_F(DataplaneClientTest, SpeaksOfDigitsAndFigures) {
  FakeDataplane node("a");
  Start({&node});
  client->Create("c1", {});
  ASSERT_TRUE(Sees("ready c1 0"));
  std::optional<std::string> error = "unset";
  client->SendDtmf("c1", "123#", [&](std::optional<std::string> e) { error = std::move(e); });
  ASSERT_TRUE(strand.RunUntil([&] { return !error; }));
  std::optional<call::MediaStats> stats;
  client->GetStats("c1", [&](std::optional<call::MediaStats> s) { stats = std::move(s); });
  ASSERT_TRUE(strand.RunUntil([&] { return stats.has_value(); }));
  EXPECT_EQ(stats->ims.packets_sent, 7u);
  EXPECT_EQ(stats->drops.at("late"), 3u);
  bool is_refused = false;
  client->SendDtmf("c9", "1", [&](std::optional<std::string> e) { is_refused = e.has_value(); });
  client->GetStats("c9", [&](std::optional<call::MediaStats> s) { EXPECT_FALSE(s); });
  EXPECT_TRUE(strand.RunUntil([&] { return is_refused; }));
  node.Locked([&] {
    node.reply = [](const std::string&) {
      return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "no event codec");
    };
  });
  client->SendDtmf("c1", "1", [&](std::optional<std::string> e) { error = std::move(e); });
  ASSERT_TRUE(strand.RunUntil([&] { return error.has_value(); }));
  EXPECT_EQ(*error, "The digits were not sent: no event codec");
}

TEST_F(DataplaneClientTest, AsksNodesForWhatTheyHaveDone) {
  FakeDataplane node("a");
  FakeDataplane gone("b");
  Start({&node, &gone});
  ASSERT_TRUE(strand.RunUntil([&] { return client->status()[0].is_reachable && client->status()[1].is_reachable; }));
  std::optional<std::vector<DataplaneLoad>> loads;
  const auto collect = [&] {
    loads.reset();
    client->CollectLoads([&](std::vector<DataplaneLoad> found) { loads = std::move(found); });
    return strand.RunUntil([&] { return loads.has_value(); });
  };
  gone.Locked([&] {
    gone.reply = [](const std::string&) { return grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "an older one"); };
  });
  ASSERT_TRUE(collect());
  ASSERT_EQ(loads->size(), 2u);
  EXPECT_TRUE((*loads)[0].is_known);
  EXPECT_EQ((*loads)[0].status.node_id, "a");
  EXPECT_EQ((*loads)[0].packets_received, 11u);
  EXPECT_EQ((*loads)[0].packets_sent, 12u);
  EXPECT_EQ((*loads)[0].late_ticks, 9u);
  EXPECT_EQ((*loads)[0].drops.at("late"), 3u);
  EXPECT_FALSE((*loads)[1].is_known) << "its answer is an error";
  // Without any node there is an answer too.
  gone.Kill();
  node.Kill();
  ASSERT_TRUE(strand.RunUntil([&] { return !client->status()[0].is_reachable && !client->status()[1].is_reachable; }));
  ASSERT_TRUE(collect());
  EXPECT_FALSE((*loads)[0].is_known);
}

TEST_F(DataplaneClientTest, PlaysWhatTheNodeHas) {
  FakeDataplane node("a");
  node.announcements = {"waltz"};
  Start({&node});
  client->Create("c1", {});
  ASSERT_TRUE(Sees("ready c1 0"));
  std::optional<call::PlayOutcome> outcome;
  const auto play = [&](const std::string& id, const std::string& name, call::Tone tone = call::Tone::kNone) {
    outcome.reset();
    client->Play(id, {call::Leg::kIms, name, tone, true, "p1"}, [&](call::PlayOutcome o) { outcome = o; });
    EXPECT_TRUE(strand.RunUntil([&] { return outcome.has_value(); }));
    return outcome.value_or(call::PlayOutcome::kFailed);
  };
  EXPECT_EQ(play("c1", "waltz"), call::PlayOutcome::kDone);
  EXPECT_TRUE(Did(node, "announcement waltz loop"));
  EXPECT_EQ(play("c1", "", call::Tone::kBusy), call::PlayOutcome::kDone);
  EXPECT_TRUE(Did(node, "tone 2"));
  EXPECT_EQ(play("c1", "polka"), call::PlayOutcome::kUnknownAnnouncement);
  EXPECT_EQ(play("c9", "waltz"), call::PlayOutcome::kFailed);
  node.Locked([&] {
    node.reply = [](const std::string&) { return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "no leg"); };
  });
  EXPECT_EQ(play("c1", "waltz"), call::PlayOutcome::kFailed);
  // And the calls' other wishes are carried out all the same.
  node.Locked([&] { node.reply = nullptr; });
  client->Close("c1", "over");
  EXPECT_TRUE(Did(node, "close c1"));
}

TEST_F(DataplaneClientTest, PassesEventsOn) {
  FakeDataplane node("a");
  Start({&node});
  client->Create("c1", {});
  ASSERT_TRUE(Sees("ready c1 0"));
  auto push = [&](auto fill, const std::string& id = "c1") {
    v1::Event event;
    event.set_session_id(id);
    fill(event);
    node.Push(event);
  };
  push([](v1::Event& e) { e.mutable_ice_connected(); });
  push([](v1::Event& e) { e.mutable_dtls_connected(); }, "stranger");
  push([](v1::Event& e) { e.mutable_dtls_connected(); });
  push([](v1::Event& e) {
    e.mutable_media_started()->set_leg(v1::LEG_IMS);
    e.mutable_media_started()->set_stream_id("A");
  });
  push([](v1::Event& e) {
    e.mutable_dtmf()->set_leg(v1::LEG_IMS);
    e.mutable_dtmf()->set_digit("5");
    e.mutable_dtmf()->set_duration_ms(160);
  });
  push([](v1::Event& e) { e.mutable_media_timeout()->set_leg(v1::LEG_IMS); });
  push([](v1::Event& e) { e.mutable_media_timeout()->set_leg(v1::LEG_ACCESS); });
  push([](v1::Event& e) { e.mutable_consent_lost(); });
  push([](v1::Event& e) {
    e.mutable_session_failed()->set_cause(v1::FAILURE_CAUSE_DTLS_FINGERPRINT_MISMATCH);
    e.mutable_session_failed()->set_detail("wrong");
  });
  push([](v1::Event& e) { e.mutable_session_failed()->set_cause(v1::FAILURE_CAUSE_ICE_TIMEOUT); });
  push([](v1::Event& e) { e.mutable_session_closed()->set_by(v1::SessionClosed::BY_CONTROLLER); });
  push([](v1::Event& e) { e.mutable_session_closed()->set_by(v1::SessionClosed::BY_LEASE); });
  ASSERT_TRUE(Sees("ended c1: The media session was lost, the dataplane closed the session"));
  EXPECT_THAT(observer.log,
              ElementsAre("ready c1 0", "connected c1", "started c1 ims A", "dtmf c1 5 160",
                          "ended c1: No media came from the network", "ended c1: No media came from the browser",
                          "ended c1: The browser can no longer be reached", "ended c1: DTLS failed, wrong",
                          "ended c1: ICE failed", testing::_));
}

TEST_F(DataplaneClientTest, ChoosesTheNodeWithTheMostRoomAndPassesOverTheFull) {
  FakeDataplane small("small");
  FakeDataplane large("large");
  small.Locked([&] { small.capacity = 10; });
  Start({&small, &large});
  client->Create("c1", {});
  ASSERT_TRUE(Sees("ready c1 0"));
  EXPECT_EQ(observer.locals.access.ice_ufrag, "uf-large");
  large.Locked([&] {
    large.reply = [](const std::string& command) {
      return command.starts_with("create") ? grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "full")
                                           : grpc::Status::OK;
    };
  });
  client->Create("c2", {});
  ASSERT_TRUE(Sees("ready c2 0"));
  EXPECT_EQ(observer.locals.access.ice_ufrag, "uf-small");
  small.Locked([&] {
    small.reply = [](const std::string&) { return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "full too"); };
  });
  client->Create("c3", {});
  EXPECT_TRUE(Sees("refused c3 0: full too"));
}

TEST_F(DataplaneClientTest, ADrainingNodeGetsNothingNew) {
  FakeDataplane draining("draining");
  FakeDataplane other("other");
  draining.Locked([&] {
    draining.is_draining = true;
    draining.capacity = 1000;
  });
  Start({&draining, &other});
  client->Create("c1", {});
  ASSERT_TRUE(Sees("ready c1 0"));
  EXPECT_EQ(observer.locals.access.ice_ufrag, "uf-other");
}

TEST_F(DataplaneClientTest, TellsWhyASessionIsRefused) {
  FakeDataplane node("a");
  Start({&node});
  node.Locked([&] {
    node.reply = [](const std::string& command) {
      return command == "list" ? grpc::Status::OK
                               : grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "audio has no meaning");
    };
  });
  client->Create("c1", {});
  EXPECT_TRUE(Sees("refused c1 0: audio has no meaning"));
}

TEST_F(DataplaneClientTest, WithoutAnyNodeNothingIsCreated) {
  FakeDataplane node("a");
  Start({&node});
  node.Kill();
  ASSERT_TRUE(strand.RunUntil([&] { return !client->is_ready(); }));
  client->Create("c1", {});
  EXPECT_TRUE(Sees("refused c1 0: no dataplane can be reached"));
}

TEST_F(DataplaneClientTest, ClosesWhatIsTakenBackWhileItIsCreated) {
  FakeDataplane node("a");
  Start({&node});
  client->Create("c1", {});
  client->Close("c1", "cancelled");
  ASSERT_TRUE(Did(node, "close c1"));
  EXPECT_TRUE(observer.log.empty());
  EXPECT_TRUE(strand.RunUntil([&] { return node.Locked([&] { return node.sessions.empty(); }); }));
}

TEST_F(DataplaneClientTest, TellsWhoWaitsForDigitsThatTheCallHasEnded) {
  FakeDataplane node("a");
  Start({&node});
  client->Create("c1", {});
  std::optional<std::string> error;
  client->SendDtmf("c1", "1", [&](std::optional<std::string> e) { error = std::move(e); });
  client->Close("c1", "over");
  ASSERT_TRUE(strand.RunUntil([&] { return error.has_value(); }));
  EXPECT_EQ(*error, "The call has ended.");
  EXPECT_TRUE(Did(node, "close c1"));
}

TEST_F(DataplaneClientTest, ARestartedDataplaneHasLostItsSessions) {
  FakeDataplane node("a");
  Start({&node});
  client->Create("c1", {});
  ASSERT_TRUE(Sees("ready c1 0"));
  node.Restart();
  EXPECT_TRUE(Sees("ended c1: The media session was lost, the dataplane was restarted"));
  client->Create("c2", {});
  EXPECT_TRUE(Sees("ready c2 0"));
}

TEST_F(DataplaneClientTest, ReconcilesAfterAnInterruption) {
  FakeDataplane node("a");
  Start({&node});
  client->Create("kept", {});
  client->Create("lost", {});
  ASSERT_TRUE(Sees("ready lost 0") && Sees("ready kept 0"));
  int port = std::stoi(node.address().substr(node.address().find(':') + 1));
  node.Kill();
  node.Locked([&] {
    node.sessions.erase("lost");
    node.sessions["kept"].set_access_state(v1::TRANSPORT_STATE_DTLS_CONNECTED);
    node.sessions["stray"].set_controller_id("controlplane");
    node.sessions["stray"].set_session_id("stray");
    node.sessions["foreign"].set_controller_id("somebody-else");
  });
  node.Start(port);
  EXPECT_TRUE(Sees("ended lost: The media session was lost, the dataplane does not know the session"));
  EXPECT_TRUE(Sees("connected kept"));  // the event of the gap
  EXPECT_TRUE(Did(node, "close stray"));
  EXPECT_TRUE(node.Locked([&] { return node.sessions.contains("foreign"); }));
}

TEST_F(DataplaneClientTest, AdoptsTheSessionsOfAnEarlierProcess) {
  FakeDataplane a("a");
  FakeDataplane b("b");
  b.Locked([&] {
    for (const char* id : {"mine", "stray"}) {
      b.sessions[id].set_session_id(id);
      b.sessions[id].set_controller_id("controlplane");
    }
  });
  Start({&a, &b}, {"mine", "gone"});
  EXPECT_TRUE(Sees("ended gone: The media session was lost, no dataplane knows the session"));
  EXPECT_TRUE(Did(b, "close stray"));
  client->Modify("mine", 3, {});
  EXPECT_TRUE(Sees("ready mine 3"));
}

TEST_F(DataplaneClientTest, StopsWithCommandsUnderWay) {
  FakeDataplane node("a");
  Start({&node});
  for (int i = 0; i < 50; ++i) client->Create("c" + std::to_string(i), {});
  client->Stop();
  client.reset();
}

}  // namespace
}  // namespace byon::media
