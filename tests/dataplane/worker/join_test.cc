// Two sessions whose IMS legs are joined: a call that has moved from the browser to a phone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/dataplane/support/call_simulation.h"
#include "tests/dataplane/support/tone_clip.h"
#include "tests/dataplane/support/tone_meter.h"

namespace byon::test {
namespace {

using base::TimeDelta;
using worker::CommandStatus;

constexpr double kFarTone = 880;
constexpr double kPhoneTone = 1320;

double PurityAt(RtpTalker& talker, double tone_hz) {
  const auto second = talker.LastSamples(static_cast<size_t>(talker.sample_rate_hz()));
  return TonePurity(second, talker.sample_rate_hz(), tone_hz);
}

// A browser's call with the far end (AMR-WB), and a session beside it whose IMS leg is a phone (G.711).
class JoinTest : public testing::Test {
 protected:
  JoinTest() {
    call_.Connect();
    phone_config_ = call_.MakeSessionConfig(2, 20100);
    phone_config_.ims.ssrc = 0x2b2b2b2b;
    phone_ = &call_.AddImsOf(phone_config_, 41000, PcmuFormat(), 0x3a3a3a3a, kPhoneTone);
    phone_->does_media = false;
    worker::CreateSession create;
    create.session = std::make_unique<session::MediaSession>(phone_config_);
    create.change = PhoneChange(PcmuFormat());
    EXPECT_EQ(call_.Submit(phone_config_.handle, std::move(create)).status, CommandStatus::kDone);
  }

  std::unique_ptr<session::SessionChange> PhoneChange(const pipeline::StreamFormat& format) {
    session::ImsRemote remote;
    remote.rtp = phone_->config().rtp;
    remote.audio = session::AudioDescription{format, {format}};
    remote.stream_id = "phone";
    auto change = session::PrepareSessionChange({{}, remote, {}}, phone_audio_, call_.mailbox().amr_wb_batch);
    return std::move(change).value();
  }

  CommandStatus Join(const pipeline::StreamFormat& phone_format) {
    const pipeline::StreamFormat far_format = AmrWbFormat();
    worker::JoinSessions join{.peer = phone_config_.handle, .receive = {}, .peer_receive = {}};
    join.receive = pipeline::PrepareReceive({&phone_format, 1}, &far_format).value();
    join.peer_receive = pipeline::PrepareReceive({&far_format, 1}, &phone_format).value();
    return call_.Submit(call_.handle(), std::move(join)).status;
  }

  CallSimulation call_;
  session::SessionConfig phone_config_;
  session::SessionAudio phone_audio_;
  FakeImsEndpoint* phone_ = nullptr;
};

TEST_F(JoinTest, PhoneTakesTheBrowsersPlaceWithoutABreakOfTheStream) {
  phone_->does_media = true;
  call_.Run(TimeDelta::Milliseconds(200));
  ASSERT_EQ(Join(PcmuFormat()), CommandStatus::kDone);
  call_.Run(TimeDelta::Seconds(2));

  RtpTalker& far_end = call_.ims().talker();
  EXPECT_GT(PurityAt(far_end, kPhoneTone), 0.95);
  EXPECT_GT(PurityAt(phone_->talker(), kFarTone), 0.95);
  // To the far end it is one stream from one source, whoever speaks.
  EXPECT_EQ(far_end.received().ssrc, 0x1b1b1b1bu);
  EXPECT_EQ(far_end.received().ssrc_changes, 0u);
  EXPECT_EQ(far_end.received().sequence_gaps, 0u);
  EXPECT_EQ(far_end.received().timestamp_breaks, 0u);
  EXPECT_EQ(phone_->talker().received().ssrc, 0x2b2b2b2bu);
  // The browser still sends; nobody hears it.
  EXPECT_GT(call_.Drops(session::DropReason::kLeftCall), 50u);
  EXPECT_EQ(call_.io().lent_buffers(), 0u);
}

// Nobody could stop it any more.
TEST_F(JoinTest, WhatWasPlayedToTheFarEndEndsWithTheMove) {
  const pipeline::AudioClip clip = ToneClip(1000, 1);
  ASSERT_EQ(call_
                .Submit(call_.handle(),
                        worker::PlayAnnouncement{session::Leg::kIms, &clip, true, session::ShortText("music")})
                .status,
            CommandStatus::kDone);
  call_.Run(TimeDelta::Milliseconds(500));
  phone_->does_media = true;
  ASSERT_EQ(Join(PcmuFormat()), CommandStatus::kDone);
  call_.Run(TimeDelta::Seconds(2));
  EXPECT_GT(PurityAt(call_.ims().talker(), kPhoneTone), 0.95);
}

TEST_F(JoinTest, FarEndHearsSilenceUntilThePhoneSpeaks) {
  ASSERT_EQ(Join(PcmuFormat()), CommandStatus::kDone);
  call_.Run(TimeDelta::Seconds(2));
  EXPECT_LT(RootMeanSquare(call_.ims().talker().LastSamples(8'000)), 10);
  EXPECT_EQ(call_.ims().talker().received().sequence_gaps, 0u);
  EXPECT_EQ(call_.ims().talker().received().timestamp_breaks, 0u);
}

TEST_F(JoinTest, DigitsOfThePhoneReachTheFarEnd) {
  pipeline::StreamFormat format = AmrFormat();
  ASSERT_EQ(call_.Submit(phone_config_.handle, worker::ModifySession{PhoneChange(format)}).status,
            CommandStatus::kDone);
  FakeImsEndpoint& phone = call_.AddImsOf(phone_config_, 41000, format, 0x4a4a4a4a, kPhoneTone);
  phone_->does_media = false;
  ASSERT_EQ(Join(format), CommandStatus::kDone);
  call_.Run(TimeDelta::Milliseconds(500));
  phone.PressKey('7', 8);
  call_.Run(TimeDelta::Seconds(1));
  EXPECT_THAT(call_.ims().talker().received().digits, testing::ElementsAre('7'));
}

TEST_F(JoinTest, AnotherCodecOfThePhoneIsHeardAfterJoiningAgain) {
  phone_->does_media = true;
  ASSERT_EQ(Join(PcmuFormat()), CommandStatus::kDone);
  call_.Run(TimeDelta::Seconds(1));
  ASSERT_EQ(call_.Submit(phone_config_.handle, worker::ModifySession{PhoneChange(AmrWbFormat())}).status,
            CommandStatus::kDone);
  phone_->does_media = false;
  FakeImsEndpoint& phone = call_.AddImsOf(phone_config_, 41000, AmrWbFormat(), 0x4a4a4a4a, 440);
  ASSERT_EQ(Join(AmrWbFormat()), CommandStatus::kDone);
  call_.Run(TimeDelta::Seconds(2));
  EXPECT_GT(PurityAt(call_.ims().talker(), 440), 0.95);
  (void)phone;
}

TEST_F(JoinTest, ClosingOneLeavesTheOtherSilentAndWhole) {
  phone_->does_media = true;
  ASSERT_EQ(Join(PcmuFormat()), CommandStatus::kDone);
  call_.Run(TimeDelta::Milliseconds(500));
  ASSERT_EQ(call_.Submit(phone_config_.handle, worker::CloseSession{}).status, CommandStatus::kDone);
  call_.Run(TimeDelta::Seconds(1));
  EXPECT_EQ(call_.Stats().ims.packets_lost, 0);
  EXPECT_EQ(call_.Submit(call_.handle(), worker::CloseSession{}).status, CommandStatus::kDone);
}

TEST_F(JoinTest, RefusesWhatCannotBeJoined) {
  EXPECT_EQ(call_.Submit(call_.handle(), worker::JoinSessions{.peer = 77, .receive = {}, .peer_receive = {}}).status,
            CommandStatus::kNoSuchPeer);
  EXPECT_EQ(
      call_.Submit(call_.handle(), worker::JoinSessions{.peer = call_.handle(), .receive = {}, .peer_receive = {}})
          .status,
      CommandStatus::kWrongState);
  ASSERT_EQ(Join(PcmuFormat()), CommandStatus::kDone);
  const session::SessionConfig third = call_.MakeSessionConfig(3, 20200);
  worker::CreateSession create;
  create.session = std::make_unique<session::MediaSession>(third);
  ASSERT_EQ(call_.Submit(third.handle, std::move(create)).status, CommandStatus::kDone);
  EXPECT_EQ(call_.Submit(third.handle, worker::JoinSessions{.peer = call_.handle(), .receive = {}, .peer_receive = {}})
                .status,
            CommandStatus::kWrongState);
  // A browser that has left cannot bring new media in.
  auto access = call_.MakeAccessRemote();
  access.audio->send.payload_type = 112;
  EXPECT_EQ(call_.Modify({access, {}, {}}), CommandStatus::kWrongState);
}

}  // namespace
}  // namespace byon::test
