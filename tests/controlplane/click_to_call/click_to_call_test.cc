#include "controlplane/click_to_call/click_to_call.h"

#include <gtest/gtest.h>

#include <set>

#include "controlplane/store/memory_store.h"

namespace byon::click_to_call {
namespace {

using namespace std::chrono_literals;

class ClickToCallTest : public testing::Test {
 protected:
  static Campaign Shop() {
    Campaign shop;
    shop.id = "shop";
    shop.called_number = "+34910000100";
    shop.calling_numbers = {"+34910000001", "+34910000002", "+34910000003"};
    shop.clients = {"backend"};
    shop.max_calls = 100;
    shop.calls_per_minute = 1000;
    shop.calls_per_minute_per_address = 0;
    return shop;
  }
  void Make() {
    Campaign other = Shop();
    other.id = "other";
    other.clients = {"other-backend"};
    calls_ =
        std::make_unique<ClickToCall>(std::vector<Campaign>{campaign_, other}, "north", "https://gw.example", store_);
    calls_->Restore(wall_);
  }
  std::string Token(uint32_t calls = 1, const std::string& client = "backend") {
    const auto issued =
        calls_->Issue(client, {campaign_.id, calls, std::nullopt, ""}, "id" + std::to_string(++ids_), "secret", wall_);
    return issued ? issued->text : "";
  }
  static std::string IdOf(const std::string& token) { return TokenText::Parse(token)->id; }
  // The number, or why not.
  std::string Admit(const std::string& token_id, const LiveCalls& live = {}, const std::string& address = "192.0.2.1",
                    const std::string& origin = "https://shop.example") {
    const auto outcome = calls_->Admit(*calls_->Find("shop"), {token_id, origin, address}, live, steady_, wall_);
    if (const auto* number = std::get_if<std::string>(&outcome)) return *number;
    const Refused& refused = std::get<Refused>(outcome);
    retry_after_ = refused.retry_after;
    return std::string(ToString(refused.cause));
  }
  std::string Call(const std::string& address = "192.0.2.1", const LiveCalls& live = {}) {
    const std::string id = IdOf(Token());
    const std::string number = Admit(id, live, address);
    if (number.starts_with("+")) calls_->Begin(*calls_->Find("shop"), {id, "", address}, steady_);
    return number;
  }
  void Advance(std::chrono::seconds time) {
    steady_ += time;
    wall_ += time;
  }
  uint64_t RefusedFor(Refusal cause) const { return calls_->FiguresOf("shop").refused[static_cast<size_t>(cause)]; }

  store::MemoryStore store_;
  Campaign campaign_ = Shop();
  std::unique_ptr<ClickToCall> calls_;
  SteadyTime steady_ = SteadyTime(1h);
  WallTime wall_ = std::chrono::system_clock::now();
  std::chrono::seconds retry_after_{0};
  int ids_ = 0;
};

TEST_F(ClickToCallTest, ATokenSaysWhoTheVisitorIs) {
  Make();
  const std::string token = Token();
  const auto verified = calls_->Verify(token, wall_);
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->campaign_id, "shop");
  EXPECT_EQ(verified->subject, IdOf(token));
  EXPECT_FALSE(verified->is_two_legged);
  EXPECT_FALSE(verified->phone_number);
  EXPECT_TRUE(verified->HasScope("webrtc-call-handling:sessions:create"));
  EXPECT_FALSE(verified->HasScope("webrtc-registration:sessions:create"));
}

TEST_F(ClickToCallTest, ForgedExpiredAndForeignTokensAreNone) {
  Make();
  const std::string token = Token();
  const auto failure = [&](const std::string& text) { return calls_->Verify(text, wall_).error(); };
  EXPECT_EQ(failure("byon-visit.north." + IdOf(token) + ".guess"), auth::TokenFailure::kInactive);
  EXPECT_EQ(failure("byon-visit.north.id99.secret"), auth::TokenFailure::kInactive);
  EXPECT_EQ(failure("byon-visit.south." + IdOf(token) + ".secret"), auth::TokenFailure::kInactive)
      << "another operator's";
  EXPECT_EQ(failure("x" + token), auth::TokenFailure::kMalformed);
  Advance(300s);
  EXPECT_EQ(failure(token), auth::TokenFailure::kInactive) << "no call began in time";
}

TEST_F(ClickToCallTest, OnlyTheBusinesssOwnServerGetsTokensAndTakesThemBack) {
  Make();
  const auto refused = [&](const std::string& client, TokenRequest request) {
    return calls_->Issue(client, request, "id", "secret", wall_).error();
  };
  EXPECT_EQ(refused("other-backend", {"shop", {}, {}, ""}), TokenRefusal::kUnknownCampaign);
  EXPECT_EQ(refused("backend", {"nothing", {}, {}, ""}), TokenRefusal::kUnknownCampaign);
  EXPECT_EQ(refused("backend", {"shop", 4, {}, ""}), TokenRefusal::kTooManyCalls);
  EXPECT_EQ(refused("backend", {"shop", {}, 301s, ""}), TokenRefusal::kTooLong);
  const std::string token = Token();
  EXPECT_FALSE(calls_->Revoke("other-backend", IdOf(token), wall_));
  EXPECT_TRUE(calls_->Verify(token, wall_));
  EXPECT_TRUE(calls_->Revoke("backend", IdOf(token), wall_));
  EXPECT_FALSE(calls_->Verify(token, wall_));
  EXPECT_EQ(calls_->FiguresOf("shop").tokens, 1u);
}

TEST_F(ClickToCallTest, ACampaignThatIsGoneTakesItsTokensAlong) {
  Make();
  const std::string token = Token();
  campaign_.id = "renamed";
  Make();
  EXPECT_EQ(calls_->Verify(token, wall_).error(), auth::TokenFailure::kInactive);
}

TEST_F(ClickToCallTest, ATokenIsGoodForItsCallsOneAfterTheOther) {
  Make();
  const std::string id = IdOf(Token(2));
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(Admit(id).starts_with("+"));
    EXPECT_TRUE(Admit(id).starts_with("+")) << "what was not begun costs nothing";
    calls_->Begin(*calls_->Find("shop"), {id, "", ""}, steady_);
    EXPECT_EQ(Admit(id, {.of_campaign = 1, .of_token = 1, .of_number = {}}), i == 0 ? "tokenBusy" : "tokenSpent");
  }
  EXPECT_EQ(Admit(id), "tokenSpent");
  EXPECT_TRUE(calls_->TokenOf(id, wall_) != nullptr) << "its last call may still go on";
}

TEST_F(ClickToCallTest, ACallMustBeginInTime) {
  Make();
  const std::string id = IdOf(Token(2));
  ASSERT_TRUE(Admit(id).starts_with("+"));
  calls_->Begin(*calls_->Find("shop"), {id, "", ""}, steady_);
  Advance(300s);
  EXPECT_EQ(Admit(id), "tokenTooOld");
  EXPECT_EQ(RefusedFor(Refusal::kTokenTooOld), 1u);
}

TEST_F(ClickToCallTest, PagesOfOthersMayNotCall) {
  campaign_.allowed_origins = {"https://shop.example"};
  Make();
  const std::string id = IdOf(Token());
  EXPECT_TRUE(Admit(id, {}, "", "https://shop.example").starts_with("+"));
  EXPECT_TRUE(Admit(id, {}, "", "https://gw.example").starts_with("+")) << "the gateway's own page";
  EXPECT_EQ(Admit(id, {}, "", "https://evil.example"), "foreignOrigin");
  EXPECT_EQ(Admit(id, {}, "", ""), "foreignOrigin");
}

TEST_F(ClickToCallTest, CallsOfOneNetworkAreBounded) {
  campaign_.calls_per_minute_per_address = 2;
  Make();
  EXPECT_TRUE(Call("2001:db8:0:1::1").starts_with("+"));
  Advance(20s);
  EXPECT_TRUE(Call("2001:db8:0:1:ffff::2").starts_with("+"));
  EXPECT_EQ(Call("2001:db8:0:1::3"), "addressRate") << "one customer's /64";
  EXPECT_EQ(retry_after_, 40s);
  EXPECT_TRUE(Call("2001:db8:0:2::1").starts_with("+"));
  EXPECT_TRUE(Call("192.0.2.9").starts_with("+"));
  Advance(39s);
  EXPECT_EQ(Call("2001:db8:0:1::3"), "addressRate");
  EXPECT_EQ(retry_after_, 1s);
  Advance(1s);
  EXPECT_TRUE(Call("2001:db8:0:1::3").starts_with("+"));
  EXPECT_EQ(RefusedFor(Refusal::kAddressRate), 2u);
}

TEST_F(ClickToCallTest, CallsOfTheCampaignAreBounded) {
  campaign_.calls_per_minute = 3;
  campaign_.max_calls = 2;
  Make();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Call("192.0.2." + std::to_string(i)).starts_with("+"));
  EXPECT_EQ(Call(), "campaignRate");
  EXPECT_EQ(retry_after_, 60s);
  Advance(60s);
  EXPECT_EQ(Call("", {.of_campaign = 2, .of_token = 0, .of_number = {}}), "campaignFull");
  EXPECT_TRUE(Call("", {.of_campaign = 1, .of_token = 0, .of_number = {}}).starts_with("+"));
}

// Whatever the load, a number is used only below its bound, and none more than one call above the least used.
TEST_F(ClickToCallTest, ThePoolIsUsedEvenly) {
  campaign_.max_calls_per_number = 2;
  campaign_.calls_per_minute = 100000;
  Make();
  CallingPool::Use use;
  for (int i = 0; i < 6; ++i) {
    const std::string number = Call("", {.of_campaign = 0, .of_token = 0, .of_number = use});
    ASSERT_TRUE(number.starts_with("+"));
    ++use[number];
    uint32_t least = 99, most = 0;
    for (const std::string& one : campaign_.calling_numbers) {
      least = std::min(least, use[one]);
      most = std::max(most, use[one]);
    }
    EXPECT_LE(most, least + 1);
  }
  EXPECT_EQ(Call("", {.of_campaign = 6, .of_token = 0, .of_number = use}), "poolBusy");
  EXPECT_EQ(RefusedFor(Refusal::kPoolBusy), 1u);
  // When calls are over at once, the numbers still take turns.
  std::set<std::string> seen;
  for (int i = 0; i < 3; ++i) seen.insert(Call());
  EXPECT_EQ(seen.size(), 3u);
}

TEST(RateWindow, ForgetsWhatIsOver) {
  RateWindow window;
  RateWindow::Time now{1h};
  for (int i = 0; i < 1000; ++i) window.Add("key" + std::to_string(i), now);
  EXPECT_EQ(window.size(), 1000u);
  window.Add("late", now + 61s);
  EXPECT_EQ(window.size(), 1u);
  EXPECT_EQ(window.WaitFor("key1", 1, now + 61s), 0s);
  EXPECT_EQ(window.WaitFor("late", 0, now + 61s), 0s) << "no bound";
}

}  // namespace
}  // namespace byon::click_to_call
