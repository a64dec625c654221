#include "controlplane/push/waker.h"

#include <gtest/gtest.h>

#include <deque>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "tests/controlplane/push/fakes.h"

namespace byon::push {
namespace {

using call::Status;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char kSubscription[] = R"({"token":"t","type":"fcm"})";

// Takes every message and answers when the test says so.
class FakeProvider final : public Provider {
 public:
  void Send(const Subscription&, const Message& message, std::function<void(Outcome)> done) override {
    sent.push_back({message, std::move(done)});
  }
  void Answer(Verdict verdict, seconds retry_after = seconds(0)) {
    const auto done = std::exchange(sent.at(answered++).second, nullptr);
    done({verdict, retry_after, "said the test"});
  }
  json Body(size_t index) const { return json::parse(sent.at(index).first.text); }

  std::deque<std::pair<Message, std::function<void(Outcome)>>> sent;
  size_t answered = 0;
};

class FakeDirectory final : public gateway::PushDirectory {
 public:
  std::string PushSubscriptionOf(const std::string&) const override { return subscription; }
  void DropPushSubscription(const std::string&, const std::string& which) override {
    if (which == subscription) subscription.clear();
  }
  void AlertCaller(const std::string& id) override { alerted.push_back(id); }
  std::string subscription = kSubscription;
  std::vector<std::string> alerted;
};

class WakerTest : public ::testing::Test {
 protected:
  WakerTest() {
    Providers providers;
    providers.fcm = std::make_unique<FakeProvider>();
    provider_ = static_cast<FakeProvider*>(providers.fcm.get());
    waker_ = std::make_unique<Waker>(
        WakerConfig{seconds(60), milliseconds(2000), "https://gw.example"}, std::move(providers),
        Waker::Ports{
            directory_, time_, [this] { return time_.now(); }, [] { return std::string("event-id"); },
            [this](const gateway::DeviceKey&) { return is_connected_; },
            [this](const gateway::DeviceKey&, WallTime) { return is_silent_; },
            [this](std::string_view event, std::string detail) { log_.push_back(std::string(event) + " " + detail); }});
  }
  gateway::MediaSession Session(Status status) const {
    gateway::MediaSession session;
    session.media_session_id = "0123456789abcdef0123456789abcdef";
    session.registration_id = "reg-1";
    session.originator_address = "tel:+34600000002";
    session.originator_name = "Bob";
    session.originator_assurance = {true, call::NumberCheck::kFailed};
    session.status = status;
    session.reason = "Call cancelled by originator";
    return session;
  }
  void Invite() { waker_->OnEvent(device_, gateway::SessionInvitation{Session(Status::kInitial)}); }
  void Become(Status status) { waker_->OnEvent(device_, gateway::SessionStatus{Session(status), {}}); }
  uint64_t Count(Counter counter) const { return waker_->counters().Get(counter); }

  const gateway::DeviceKey device_{"app", "alice", "device"};
  FakeTime time_;
  FakeDirectory directory_;
  FakeProvider* provider_ = nullptr;
  bool is_connected_ = false;
  bool is_silent_ = false;
  std::vector<std::string> log_;
  std::unique_ptr<Waker> waker_;
};

TEST_F(WakerTest, ASleepingDeviceIsPushedAtOnceAndTheCallerHearsItRing) {
  Invite();
  ASSERT_EQ(provider_->sent.size(), 1u);
  EXPECT_EQ(provider_->sent[0].first.topic, "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(provider_->sent[0].first.expires_at, time_.now() + seconds(60));
  EXPECT_EQ(provider_->Body(0), json::parse(R"({"specversion":"1.0","id":"event-id","source":"https://gw.example",
    "type":"org.byon-gateway.push.v1.incoming-call","time":"2027-01-15T08:00:00Z","datacontenttype":"application/json",
    "data":{"mediaSessionId":"0123456789abcdef0123456789abcdef","registrationId":"reg-1","originatorAddress":"tel:+34600000002",
            "originatorName":"Bob","originatorIdentity":{"asserted":true,"verification":"failed"},"expiresAt":"2027-01-15T08:01:00Z"}})"));
  EXPECT_TRUE(directory_.alerted.empty());
  provider_->Answer(Verdict::kAccepted);
  EXPECT_EQ(directory_.alerted.size(), 1u);
  // The device wakes, rings, answers: nothing more is sent.
  is_connected_ = true;
  Become(Status::kRinging);
  Become(Status::kConnected);
  EXPECT_EQ(waker_->size(), 0u);
  Become(Status::kTerminated);
  EXPECT_EQ(provider_->sent.size(), 1u);
}

TEST_F(WakerTest, WithoutASubscriptionNothingHappens) {
  directory_.subscription.clear();
  Invite();
  EXPECT_EQ(waker_->size(), 0u);
  EXPECT_TRUE(provider_->sent.empty());
}

TEST_F(WakerTest, ALiveClientIsLeftInPeace) {
  is_connected_ = true;
  Invite();
  EXPECT_TRUE(provider_->sent.empty());
  time_.Advance(seconds(5));
  EXPECT_TRUE(provider_->sent.empty()) << "it has acknowledged";
  Become(Status::kSessionCancelled);
  EXPECT_EQ(waker_->size(), 0u);
  EXPECT_TRUE(provider_->sent.empty());
}

TEST_F(WakerTest, AConnectedClientThatIsSilentIsPushedToo) {
  is_connected_ = is_silent_ = true;
  Invite();
  time_.Advance(milliseconds(1999));
  EXPECT_TRUE(provider_->sent.empty());
  time_.Advance(milliseconds(1));
  EXPECT_EQ(provider_->sent.size(), 1u);
  EXPECT_EQ(Count(Counter::kStaleChannel), 1u);
}

TEST_F(WakerTest, AConnectionThatBreaksMeanwhileIsNone) {
  is_connected_ = true;
  Invite();
  is_connected_ = false;
  time_.Advance(seconds(2));
  EXPECT_EQ(provider_->sent.size(), 1u);
}

TEST_F(WakerTest, ADeviceThatMovesNeedsNoPush) {
  is_connected_ = is_silent_ = true;
  Invite();
  Become(Status::kRinging);
  time_.Advance(seconds(10));
  EXPECT_TRUE(provider_->sent.empty());
}

TEST_F(WakerTest, ABusyServiceIsTriedAgainAsItWishesWhileTheCallRings) {
  Invite();
  provider_->Answer(Verdict::kRetry);
  time_.Advance(milliseconds(499));
  EXPECT_EQ(provider_->sent.size(), 1u);
  time_.Advance(milliseconds(1));
  ASSERT_EQ(provider_->sent.size(), 2u);
  provider_->Answer(Verdict::kRetry, seconds(20));
  time_.Advance(milliseconds(19'999));
  EXPECT_EQ(provider_->sent.size(), 2u);
  time_.Advance(milliseconds(1));
  ASSERT_EQ(provider_->sent.size(), 3u);
  // The life of the message is what is left, not begun anew.
  EXPECT_EQ(provider_->sent[2].first.expires_at, provider_->sent[0].first.expires_at);
  provider_->Answer(Verdict::kRetry, seconds(3600));
  EXPECT_EQ(Count(Counter::kExpired), 1u);
  EXPECT_EQ(Count(Counter::kRetried), 2u);
  EXPECT_EQ(Count(Counter::kSent), 3u);
  EXPECT_EQ(waker_->size(), 0u);
}

TEST_F(WakerTest, ARetryEndsWithTheCallOrWithTheDevicesFirstWord) {
  Invite();
  provider_->Answer(Verdict::kRetry);
  Become(Status::kSessionCancelled);
  time_.Advance(seconds(30));
  EXPECT_EQ(provider_->sent.size(), 1u) << "nobody was woken, nobody is told";
  EXPECT_EQ(waker_->size(), 0u);
  Invite();
  Become(Status::kRinging);
  provider_->Answer(Verdict::kRetry);
  time_.Advance(seconds(30));
  EXPECT_EQ(provider_->sent.size(), 2u);
}

TEST_F(WakerTest, ADeadSubscriptionIsDropped) {
  Invite();
  provider_->Answer(Verdict::kGone);
  EXPECT_EQ(directory_.subscription, "");
  EXPECT_EQ(Count(Counter::kGone), 1u);
  EXPECT_EQ(waker_->size(), 0u);
  EXPECT_TRUE(directory_.alerted.empty());
}

TEST_F(WakerTest, ASubscriptionThatCameMeanwhileStays) {
  Invite();
  directory_.subscription = R"({"token":"fresh","type":"fcm"})";
  provider_->Answer(Verdict::kGone);
  EXPECT_EQ(directory_.subscription, R"({"token":"fresh","type":"fcm"})");
}

TEST_F(WakerTest, WhatIsRefusedIsNotRepeated) {
  Invite();
  provider_->Answer(Verdict::kRefused);
  time_.Advance(seconds(60));
  EXPECT_EQ(provider_->sent.size(), 1u);
  EXPECT_EQ(Count(Counter::kRefused), 1u);
  EXPECT_TRUE(log_.back().starts_with("push_failed refused call=0123456789abcdef0123456789abcdef type=fcm attempt=1"));
}

TEST_F(WakerTest, ACallThatEndsUnansweredIsTakenBack) {
  Invite();
  provider_->Answer(Verdict::kAccepted);
  time_.Advance(seconds(50));
  Become(Status::kSessionCancelled);
  ASSERT_EQ(provider_->sent.size(), 2u);
  EXPECT_EQ(provider_->sent[1].first.topic, provider_->sent[0].first.topic);
  EXPECT_EQ(provider_->sent[1].first.expires_at, time_.now() + seconds(30));
  const json event = provider_->Body(1);
  EXPECT_EQ(event["type"], "org.byon-gateway.push.v1.call-ended");
  EXPECT_EQ(event["data"]["status"], "SessionCancelled");
  EXPECT_EQ(event["data"]["reason"], "Call cancelled by originator");
  provider_->Answer(Verdict::kRetry);
  time_.Advance(milliseconds(500));
  ASSERT_EQ(provider_->sent.size(), 3u);
  provider_->Answer(Verdict::kAccepted);
  EXPECT_EQ(waker_->size(), 0u);
  EXPECT_EQ(Count(Counter::kCancelled), 1u);
}

TEST_F(WakerTest, AWokenClientHearsTheEndOnItsChannel) {
  Invite();
  provider_->Answer(Verdict::kAccepted);
  is_connected_ = true;
  Become(Status::kDeclined);
  EXPECT_EQ(provider_->sent.size(), 1u);
  EXPECT_EQ(waker_->size(), 0u);
}

TEST_F(WakerTest, ACallThatEndsWhileItsPushIsOnTheWayIsTakenBack) {
  Invite();
  Become(Status::kSessionCancelled);
  EXPECT_EQ(provider_->sent.size(), 1u);
  provider_->Answer(Verdict::kAccepted);
  ASSERT_EQ(provider_->sent.size(), 2u);
  EXPECT_EQ(provider_->Body(1)["type"], "org.byon-gateway.push.v1.call-ended");
  provider_->Answer(Verdict::kGone);
  EXPECT_EQ(waker_->size(), 0u);
  EXPECT_EQ(directory_.subscription, "");
  EXPECT_TRUE(directory_.alerted.empty());
}

TEST_F(WakerTest, WhatTheStoreHasAndNobodyCanUseIsCounted) {
  directory_.subscription = "junk";
  Invite();
  EXPECT_EQ(Count(Counter::kUnreadable), 1u);
  EXPECT_EQ(directory_.subscription, "");
  directory_.subscription = R"({"type":"apns","token":")" + std::string(64, 'a') + "\"}";
  Invite();
  EXPECT_EQ(Count(Counter::kSwitchedOff), 1u);
  EXPECT_TRUE(provider_->sent.empty());
}

TEST_F(WakerTest, LogsNoTokensNamesOrNumbers) {
  Invite();
  provider_->Answer(Verdict::kAccepted);
  Become(Status::kSessionCancelled);
  provider_->Answer(Verdict::kGone);
  for (const std::string& line : log_) {
    EXPECT_EQ(line.find("\"token\""), std::string::npos);
    EXPECT_EQ(line.find("600000002"), std::string::npos);
    EXPECT_EQ(line.find("Bob"), std::string::npos);
  }
  EXPECT_EQ(log_.size(), 3u);
}

TEST(PushCounters, HaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < static_cast<size_t>(Counter::kCount); ++i) names.insert(ToString(static_cast<Counter>(i)));
  EXPECT_EQ(names.size(), static_cast<size_t>(Counter::kCount));
}

}  // namespace
}  // namespace byon::push
