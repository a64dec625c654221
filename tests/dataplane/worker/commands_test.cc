#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/dataplane/support/call_simulation.h"

namespace byon::test {
namespace {

using base::TimeDelta;
using testing::IsEmpty;
using testing::SizeIs;
using worker::CommandStatus;
using worker::OpenPortResult;

CommandStatus CreateWith(CallSimulation& call, uint64_t serial, uint16_t port) {
  const session::SessionConfig config = call.MakeSessionConfig(serial, port);
  worker::Reply reply =
      call.Submit(config.handle, worker::CreateSession{std::make_unique<session::MediaSession>(config), {}});
  const bool is_taken = std::get<worker::CreateSession>(reply.command.body).session == nullptr;
  EXPECT_EQ(is_taken, reply.status == CommandStatus::kDone);
  return reply.status;
}

TEST(CommandsTest, ALocalPortBelongsToOneSession) {
  CallSimulation call;
  EXPECT_EQ(CreateWith(call, 1, 20'000), CommandStatus::kDone);
  EXPECT_EQ(CreateWith(call, 1, 20'000), CommandStatus::kSessionExists);
  EXPECT_EQ(CreateWith(call, 2, 20'002), CommandStatus::kSessionExists);
  EXPECT_EQ(CreateWith(call, 3, 20'004), CommandStatus::kDone);
  EXPECT_EQ(call.gateway_worker().session_count(), 2u);
}

TEST(CommandsTest, APortThatCannotBeOpenedLeavesNothingBehind) {
  CallSimulation call;
  const session::SessionConfig config = call.MakeSessionConfig();
  call.io().SetOpenResult(config.ims.rtcp, OpenPortResult::kInUse);
  EXPECT_EQ(CreateWith(call, 1, 20'000), CommandStatus::kPortInUse);
  EXPECT_THAT(call.io().open_ports(), IsEmpty());
  EXPECT_EQ(call.gateway_worker().session_count(), 0u);
  call.io().SetOpenResult(call.MakeSessionConfig(2, 21'000).ims.rtp, OpenPortResult::kAddressNotHere);
  EXPECT_EQ(CreateWith(call, 2, 21'000), CommandStatus::kPortUnusable);
  EXPECT_EQ(CreateWith(call, 3, 22'000), CommandStatus::kDone);
}

TEST(CommandsTest, ThereIsACapacity) {
  CallSimulation call(dtls::DtlsRole::kClient, {.session_capacity = 2});
  EXPECT_EQ(CreateWith(call, 1, 20'000), CommandStatus::kDone);
  EXPECT_EQ(CreateWith(call, 2, 20'010), CommandStatus::kDone);
  EXPECT_EQ(CreateWith(call, 3, 20'020), CommandStatus::kNoCapacity);
}

TEST(CommandsTest, AHandleIsGoodForOneSessionOnly) {
  CallSimulation call;
  EXPECT_EQ(CreateWith(call, 1, 20'000), CommandStatus::kDone);
  const auto first = session::MakeSessionHandle(1, 20'000);
  EXPECT_EQ(call.Submit(first, worker::CloseSession{}).status, CommandStatus::kDone);
  EXPECT_EQ(CreateWith(call, 2, 20'000), CommandStatus::kDone);  // the ports again
  EXPECT_EQ(call.Submit(first, worker::CloseSession{}).status, CommandStatus::kNoSuchSession);
  EXPECT_EQ(call.gateway_worker().session_count(), 1u);
}

TEST(CommandsTest, UnknownSessionsAreToldApart) {
  CallSimulation call;
  const auto nobody = session::MakeSessionHandle(9, 9);
  EXPECT_EQ(call.Submit(nobody, worker::ModifySession{std::make_unique<session::SessionChange>()}).status,
            CommandStatus::kNoSuchSession);
  EXPECT_EQ(call.Submit(nobody, worker::SendDtmf{}).status, CommandStatus::kNoSuchSession);
  EXPECT_EQ(call.Submit(nobody, worker::PlayTone{}).status, CommandStatus::kNoSuchSession);
  EXPECT_EQ(call.Submit(nobody, worker::GetStats{std::make_unique<session::SessionStats>()}).status,
            CommandStatus::kNoSuchSession);
}

TEST(CommandsTest, NothingCanBePlayedIntoALegWithoutACodec) {
  CallSimulation call;
  ASSERT_EQ(call.Create(std::nullopt, std::nullopt), CommandStatus::kDone);
  worker::SendDtmf dtmf{.leg = session::Leg::kIms};
  (void)dtmf.digits.PushBack('1');
  EXPECT_EQ(call.Submit(call.handle(), std::move(dtmf)).status, CommandStatus::kNotNegotiated);
  EXPECT_EQ(call.Submit(call.handle(), worker::PlayTone{session::Leg::kAccess, pipeline::Tone::kBusy}).status,
            CommandStatus::kNotNegotiated);
}

TEST(CommandsTest, TheQueueOfDigitsHasAnEnd) {
  CallSimulation call;
  call.Connect();
  const auto send = [&] {
    worker::SendDtmf dtmf{.leg = session::Leg::kIms};
    while (dtmf.digits.PushBack('7')) {
    }
    return call.Submit(call.handle(), std::move(dtmf)).status;
  };
  EXPECT_EQ(send(), CommandStatus::kDone);
  EXPECT_EQ(send(), CommandStatus::kNotNegotiated);
}

TEST(CommandsTest, TheDtlsRoleIsFixedOnceTheHandshakeHasBegun) {
  CallSimulation call;
  call.Connect();
  session::AccessRemote turned = call.MakeAccessRemote();
  turned.gateway_dtls_role = dtls::DtlsRole::kClient;
  turned.direction = session::Direction::kInactive;
  EXPECT_EQ(call.Modify({.access = turned}), CommandStatus::kWrongState);
  // Nothing of the refused change was taken over.
  const uint64_t before = call.ims().talker().received().packets;
  call.Run(TimeDelta::Seconds(1));
  EXPECT_GE(call.ims().talker().received().packets, before + 49);
}

TEST(CommandsTest, ARepeatedDescriptionChangesNothing) {
  CallSimulation call;
  call.Connect();
  const session::SessionStats before = call.Stats();
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(call.Modify({.access = call.MakeAccessRemote(), .ims = call.MakeImsRemote()}), CommandStatus::kDone);
  }
  call.Run(TimeDelta::Seconds(1));
  const session::SessionStats after = call.Stats();
  EXPECT_EQ(after.access.concealed_frames, before.access.concealed_frames);
  EXPECT_EQ(after.ims.concealed_frames, before.ims.concealed_frames);
  EXPECT_GE(after.ims.packets_sent, before.ims.packets_sent + 50);
  EXPECT_THAT(call.Events<session::DtlsConnected>(), SizeIs(1));
  EXPECT_THAT(call.Events<session::MediaStarted>(), SizeIs(2));
}

TEST(CommandsTest, AnotherCertificateIsAnotherAssociation) {
  CallSimulation call;
  call.Connect();
  // The page was reloaded: a new peer connection with the old one's address.
  session::AccessRemote renewed = call.MakeAccessRemote();
  renewed.fingerprints[0].digest_storage[0] ^= std::byte{1};
  ASSERT_EQ(call.Modify({.access = renewed}), CommandStatus::kDone);
  call.Run(TimeDelta::Milliseconds(100));
  EXPECT_EQ(call.handshake_service().association_count(), 0u);
  ASSERT_EQ(call.Modify({.access = call.MakeAccessRemote()}), CommandStatus::kDone);
  call.browser().StartDtls(call.now());
  ASSERT_TRUE(call.RunUntil([&] { return call.Events<session::DtlsConnected>().size() == 2; }, TimeDelta::Seconds(3)));
  const uint64_t before = call.ims().talker().received().packets;
  call.Run(TimeDelta::Seconds(1));
  EXPECT_GE(call.ims().talker().received().packets, before + 45);
}

// A control thread that does not read must not make the worker forget replies.
TEST(CommandsTest, RepliesWaitForAControlThreadThatDoesNotRead) {
  CallSimulation call;
  worker::WorkerMailbox& mailbox = call.mailbox();
  constexpr uint64_t kCommands = 5'000;
  uint64_t sent = 0;
  for (int turn = 0; turn < 3'000; ++turn) {
    while (sent < kCommands && mailbox.commands.Push({.id = sent + 1})) ++sent;
    call.gateway_worker().RunOnce(call.now());
  }
  ASSERT_EQ(sent, kCommands);
  uint64_t expected = 1;
  for (int turn = 0; turn < 3'000; ++turn) {
    while (auto report = mailbox.reports.Pop()) {
      EXPECT_EQ(std::get<worker::Reply>(*report).command.id, expected++);
    }
    call.gateway_worker().RunOnce(call.now());
  }
  EXPECT_EQ(expected, kCommands + 1);
}

TEST(CommandsTest, AnIdleWorkerWaitsAndABusyOneDoesNot) {
  CallSimulation call;
  call.browser().does_ice = false;
  call.ims().does_media = false;
  call.Run(TimeDelta::Milliseconds(10));
  EXPECT_EQ(call.io().waits(), 10u);
  EXPECT_EQ(call.io().waited_until(), call.now() + TimeDelta::Milliseconds(5));
  call.browser().does_ice = true;
  call.ims().does_media = true;
  call.Connect();
  call.Run(TimeDelta::Seconds(3));
  // Never beyond the session's next tick.
  for (int i = 0; i < 50; ++i) {
    call.Step();
    EXPECT_LE(call.io().waited_until() - call.now(), TimeDelta::Milliseconds(5));
  }
  const worker::WorkerStats stats = call.WorkerStats();
  EXPECT_GT(stats.busy_ns, 0u);
  EXPECT_GT(stats.loops, 3'000u);
}

TEST(CommandsTest, LateTicksAreCounted) {
  CallSimulation call;
  call.Connect();
  // A slot a turn.
  for (int turn = 0; turn < 3; ++turn) {
    call.gateway_worker().RunOnce(call.now() + TimeDelta::Milliseconds(50));
  }
  EXPECT_GE(call.WorkerStats().late_ticks, 2u);
}

}  // namespace
}  // namespace byon::test
