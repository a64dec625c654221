// Click to call: calls without a registration, in the name of a number of the pool.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/controlplane/gateway/fakes.h"

namespace byon::gateway {
namespace {

using namespace std::chrono_literals;

std::vector<click_to_call::Campaign> Campaigns(bool hides) {
  click_to_call::Campaign shop;
  shop.id = "shop";
  shop.name = "The shop";
  shop.called_number = "+34910000100";
  shop.calling_numbers = {"+34910000001", "+34910000002"};
  shop.clients = {"backend"};
  shop.max_call = 600s;
  shop.hides_calling_number = hides;
  return {shop};
}

class VisitorCallsTest : public testing::Test {
 protected:
  VisitorCallsTest() { Build(false); }

  void Build(bool hides) {
    gateway_config_.call.max_calls_per_registration = 1;  // of registrations, which a campaign is none of
    w_.gateway.reset();
    visitors_ = std::make_unique<click_to_call::ClickToCall>(Campaigns(hides), "default", "https://gw", w_.store);
    visitors_->Restore(w_.clock.now.wall);
    w_.gateway = std::make_unique<Gateway>(
        gateway_config_, GatewayPorts{w_.sip, w_.registrar, w_.media, w_.store, w_.subscribers, w_.events, w_.clock,
                                      w_.ids, w_.alarm, visitors_.get(), w_.Poster()});
    w_.media.observer = w_.gateway.get();
  }
  Principal Visitor(uint32_t calls = 1) {
    const std::string id = "token" + std::to_string(++tokens_);
    EXPECT_TRUE(visitors_->Issue("backend", {"shop", calls, {}, "Jane"}, id, "secret", w_.clock.now.wall));
    return {.client_id = "click-to-call:shop",
            .subject = id,
            .phone_number = {},
            .token_expires_at = w_.clock.now.wall + 1h,
            .campaign_id = "shop"};
  }
  VisitorCallRequest Request() {
    VisitorCallRequest request;
    request.offer_sdp = sdp::kChromiumOffer;
    return request;
  }
  // Empty: the call was taken.
  std::optional<Error> Call(const Principal& who, VisitorCallRequest request) {
    std::optional<Error> error;
    const size_t before = w_.media.created.size();
    w_.gateway->CreateVisitorCall(who, std::move(request), [&error](Outcome<MediaSession> outcome) {
      if (auto* failed = std::get_if<Error>(&outcome)) error = *failed;
    });
    if (w_.media.created.size() > before) w_.media.Ready(w_.media.created.back().first);
    return error;
  }
  std::string Id() const { return w_.media.created.back().first; }

  World w_;
  GatewayConfig gateway_config_;
  std::unique_ptr<click_to_call::ClickToCall> visitors_;
  int tokens_ = 0;
};

TEST_F(VisitorCallsTest, GoesOverTheTrunkInTheNameOfThePool) {
  const Principal visitor = Visitor();
  ASSERT_FALSE(Call(visitor, Request()));
  ASSERT_EQ(w_.sip.invites.size(), 1u);
  const call::OutgoingInvite& invite = w_.sip.invites[0];
  EXPECT_TRUE(invite.uses_trunk);
  EXPECT_EQ(invite.target_uri, "tel:+34910000100");
  EXPECT_EQ(invite.binding.impu, "sip:+34910000001@ims.example");
  EXPECT_EQ(invite.binding.associated_uris,
            (std::vector<std::string>{"sip:+34910000001@ims.example", "tel:+34910000001"}));
  EXPECT_EQ(invite.display_name, "Jane");
  EXPECT_FALSE(invite.is_anonymous);
  EXPECT_TRUE(w_.registrar.registered.empty());
  w_.gateway->OnAnswered(Id(), "A", call::PhoneSdp());
  w_.gateway->OnAccessConnected(Id());
  EXPECT_EQ(w_.events.texts.back(), "status Connected 1");
  EXPECT_EQ(w_.events.devices.back(), (DeviceKey{"click-to-call:shop", visitor.subject, visitor.subject}));
  const auto session = std::get<MediaSession>(w_.gateway->GetCall(visitor, Id()));
  EXPECT_EQ(session.receiver_address, "tel:+34910000100");
  EXPECT_EQ(session.receiver_name, "The shop");
  EXPECT_EQ(session.originator_address, "tel:+34910000001");
  // What the page says while the call goes on.
  bool is_sent = false;
  w_.gateway->SendDtmf(visitor, Id(), "5", [&](auto outcome) { is_sent = std::holds_alternative<Done>(outcome); });
  EXPECT_TRUE(is_sent);
  std::optional<Error> refused;
  w_.gateway->TransferCall(visitor, Id(), {"tel:+34666666666"},
                           [&](auto outcome) { refused = std::get<Error>(outcome); });
  EXPECT_EQ(refused->code, ErrorCode::kPermissionDenied);
  w_.gateway->DeleteCall(visitor, Id(), [](auto) {});
  EXPECT_EQ(w_.sip.log.back(), "bye " + Id());
}

TEST_F(VisitorCallsTest, TheCampaignSaysWhoCallsWhom) {
  const Principal visitor = Visitor(3);
  const auto code = [&](auto change) {
    VisitorCallRequest request = Request();
    change(request);
    const auto error = Call(visitor, std::move(request));
    return error ? error->code : ErrorCode::kInternal;
  };
  using R = VisitorCallRequest&;
  EXPECT_EQ(code([](R r) { r.receiver_address = "tel:+34910000101"; }), ErrorCode::kInvalidTokenContext);
  EXPECT_EQ(code([](R r) { r.receiver_address = "sip:anybody@ims.example"; }), ErrorCode::kInvalidTokenContext);
  EXPECT_EQ(code([](R r) { r.originator_address = "tel:+34910000001"; }), ErrorCode::kInvalidTokenContext);
  EXPECT_EQ(code([](R r) { r.receiver_address = "tel:112"; }), ErrorCode::kEmergencyNotSupported);
  EXPECT_EQ(code([](R r) { r.is_emergency = true; }), ErrorCode::kEmergencyNotSupported);
  EXPECT_EQ(code([](R r) { r.offer_sdp = "v=0"; }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(visitors_->TokenOf(visitor.subject, w_.clock.now.wall)->calls_left, 3u) << "what was refused costs nothing";
  VisitorCallRequest spelled = Request();
  spelled.receiver_address = "tel:+34910000100";
  spelled.originator_address = "sip:anonymous@anonymous.invalid";
  EXPECT_FALSE(Call(visitor, spelled));
  Principal nobody = visitor;
  nobody.campaign_id = "unknown";
  EXPECT_EQ(Call(nobody, Request())->code, ErrorCode::kInvalidTokenContext);
}

TEST_F(VisitorCallsTest, NumbersAreFreeWhenTheirCallsAreOver) {
  const Principal first = Visitor();
  ASSERT_FALSE(Call(first, Request()));
  const std::string first_id = Id();
  ASSERT_FALSE(Call(Visitor(), Request()));
  EXPECT_EQ(w_.sip.invites[1].binding.impu, "sip:+34910000002@ims.example");
  EXPECT_EQ(w_.gateway->UseOf("shop").calls, 2u);
  EXPECT_EQ(w_.gateway->UseOf("shop").numbers_busy, 2u);
  const auto busy = Call(Visitor(), Request());
  ASSERT_TRUE(busy);
  EXPECT_EQ(busy->code, ErrorCode::kUnavailable);
  EXPECT_EQ(busy->retry_after, 10s);
  // However it ends: here the network refuses it.
  w_.gateway->OnFailed(first_id, {486, 17, "Busy Here"});
  EXPECT_EQ(w_.gateway->UseOf("shop").numbers_busy, 1u);
  ASSERT_FALSE(Call(Visitor(), Request()));
  EXPECT_EQ(w_.sip.invites[2].binding.impu, "sip:+34910000001@ims.example");
}

TEST_F(VisitorCallsTest, ARestartKeepsCallsAndTheirNumbers) {
  const Principal visitor = Visitor();
  ASSERT_FALSE(Call(visitor, Request()));
  const std::string id = Id();
  w_.gateway->OnAnswered(id, "A", call::PhoneSdp());
  w_.gateway->OnAccessConnected(id);
  w_.gateway->OnDialogChanged(id, "dialog", "sip-call-id");
  Build(false);
  w_.gateway->Restore();
  EXPECT_EQ(w_.gateway->UseOf("shop").numbers_busy, 1u);
  EXPECT_EQ(w_.gateway->ListCalls(visitor, "").size(), 1u);
  EXPECT_EQ(Call(visitor, Request())->code, ErrorCode::kInvalidTokenContext) << "the token's call was made";
  // Before the calls are known nobody can tell.
  w_.posts = true;
  Build(false);
  w_.gateway->Restore();
  EXPECT_EQ(Call(visitor, Request())->code, ErrorCode::kUnavailable);
  w_.RunPosted();
  EXPECT_EQ(Call(visitor, Request())->code, ErrorCode::kInvalidTokenContext);
  // The campaign's bound on the length of a call holds on.
  w_.Advance(600s);
  EXPECT_EQ(w_.gateway->UseOf("shop").calls, 0u);
  EXPECT_TRUE(std::count(w_.sip.log.begin(), w_.sip.log.end(), "bye " + id));
}

TEST_F(VisitorCallsTest, VisitorsSeeNothingOfEachOther) {
  const Principal visitor = Visitor();
  ASSERT_FALSE(Call(visitor, Request()));
  const Principal other = Visitor();
  EXPECT_EQ(std::get<Error>(w_.gateway->GetCall(other, Id())).code, ErrorCode::kNotFound);
  EXPECT_TRUE(w_.gateway->ListCalls(other, "").empty());
  EXPECT_EQ(w_.gateway->ListCalls(visitor, "").size(), 1u);
  EXPECT_TRUE(w_.gateway->ListRegistrations(visitor, "").empty());
}

TEST_F(VisitorCallsTest, TheSameKeyIsTheSameCall) {
  const Principal visitor = Visitor();
  VisitorCallRequest request = Request();
  request.client_correlator = "key";
  ASSERT_FALSE(Call(visitor, request));
  ASSERT_FALSE(Call(visitor, request)) << "the token has one call, and this is it";
  EXPECT_EQ(w_.sip.invites.size(), 1u);
}

TEST_F(VisitorCallsTest, ACampaignMayHideItsNumber) {
  Build(true);
  ASSERT_FALSE(Call(Visitor(), Request()));
  EXPECT_TRUE(w_.sip.invites[0].is_anonymous);
  EXPECT_EQ(w_.sip.invites[0].binding.impu, "sip:+34910000001@ims.example") << "the network knows it all the same";
}

}  // namespace
}  // namespace byon::gateway
