#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "dataplane/rpc/event_hub.h"
#include "dataplane/rpc/port_allocator.h"
#include "dataplane/rpc/random_text.h"
#include "dataplane/rpc/worker_client.h"

namespace byon::rpc {
namespace {

using Outcome = EventHub::Stream::Outcome;
constexpr std::chrono::milliseconds kNow{0};

TEST(PortAllocator, WorkersHaveDisjointRangesOfEvenPairs) {
  PortAllocator ports(20'001, 20'100, 3);
  std::set<uint16_t> used;
  for (size_t worker = 0; worker < 3; ++worker) {
    const auto range = ports.RangeOf(worker);
    size_t count = 0;
    while (const auto block = ports.Allocate(worker)) {
      ++count;
      EXPECT_EQ(block->ims_rtp % 2, 0);
      EXPECT_EQ(block->ims_rtcp, block->ims_rtp + 1);
      for (const uint16_t port : {block->ims_rtp, block->ims_rtcp, block->access}) {
        EXPECT_TRUE(used.insert(port).second) << port;
        EXPECT_GE(port, range.first);
        EXPECT_LE(port, range.last);
        EXPECT_GE(port, 20'001);
        EXPECT_LE(port, 20'100);
      }
    }
    EXPECT_EQ(count, ports.blocks_per_worker());
    EXPECT_EQ(count, 8u);
  }
}

TEST(PortAllocator, WhatComesBackIsUsedLast) {
  PortAllocator ports(20'000, 20'015, 1);
  const auto first = *ports.Allocate(0);
  ports.Release(0, first);
  std::vector<uint16_t> order;
  while (const auto block = ports.Allocate(0)) order.push_back(block->ims_rtp);
  EXPECT_EQ(order, (std::vector<uint16_t>{20'004, 20'008, 20'012, 20'000}));
}

TEST(PortAllocator, ARangeMayEndWithTheLastPort) {
  PortAllocator ports(65'528, 65'535, 1);
  EXPECT_EQ(ports.blocks_per_worker(), 2u);
  PortAllocator none(65'534, 65'535, 1);
  EXPECT_FALSE(none.Allocate(0).has_value());
}

media::v1::Event Dtmf(const std::string& digit) {
  media::v1::Event event;
  event.mutable_dtmf()->set_digit(digit);
  return event;
}

TEST(EventHub, EachControllerGetsItsOwnWithoutAGap) {
  EventHub hub;
  const auto a = hub.Open("a"), b = hub.Open("b");
  hub.Publish("a", Dtmf("1"));
  hub.Publish("b", Dtmf("2"));
  hub.PublishHeartbeats(5);
  hub.Publish("a", Dtmf("3"));
  media::v1::Event event;
  for (uint64_t sequence = 1; sequence <= 3; ++sequence) {
    ASSERT_EQ(a->Next(kNow, event), Outcome::kEvent);
    EXPECT_EQ(event.sequence(), sequence);
    if (sequence == 2) {
      EXPECT_EQ(event.heartbeat().session_count(), 5u);
    }
  }
  EXPECT_EQ(event.dtmf().digit(), "3");
  EXPECT_EQ(a->Next(kNow, event), Outcome::kTimeout);
  ASSERT_EQ(b->Next(kNow, event), Outcome::kEvent);
  EXPECT_EQ(event.dtmf().digit(), "2");
}

TEST(EventHub, TwoStreamsOfAControllerSeeTheSame) {
  EventHub hub;
  const auto first = hub.Open("a");
  hub.Publish("a", Dtmf("1"));
  const auto second = hub.Open("a");
  hub.Publish("a", Dtmf("2"));
  media::v1::Event event;
  ASSERT_EQ(second->Next(kNow, event), Outcome::kEvent);
  EXPECT_EQ(event.sequence(), 2u) << "from now on, numbered on";
  ASSERT_EQ(first->Next(kNow, event), Outcome::kEvent);
  ASSERT_EQ(first->Next(kNow, event), Outcome::kEvent);
  EXPECT_EQ(event.sequence(), 2u);
  hub.Close("a", first);
  EXPECT_TRUE(hub.IsWatched("a"));
  hub.Close("a", second);
  EXPECT_FALSE(hub.IsWatched("a"));
  EXPECT_TRUE(hub.Watchers().empty());
}

TEST(EventHub, ASlowReaderIsCutOffAndNobodyElse) {
  EventHub hub;
  const auto slow = hub.Open("a"), other = hub.Open("b");
  for (size_t i = 0; i <= EventHub::kMaxQueued; ++i) hub.Publish("a", Dtmf("1"));
  hub.Publish("b", Dtmf("1"));
  media::v1::Event event;
  EXPECT_EQ(slow->Next(kNow, event), Outcome::kOverrun);
  EXPECT_EQ(other->Next(kNow, event), Outcome::kEvent);
}

TEST(EventHub, ShutdownWakesReaders) {
  EventHub hub;
  const auto stream = hub.Open("a");
  std::thread reader([&] {
    media::v1::Event event;
    EXPECT_EQ(stream->Next(std::chrono::milliseconds(60'000), event), Outcome::kClosed);
  });
  hub.Shutdown();
  reader.join();
  media::v1::Event event;
  EXPECT_EQ(hub.Open("late")->Next(kNow, event), Outcome::kClosed);
}

worker::Command Tone(worker::SessionHandle handle) {
  worker::Command command;
  command.session = handle;
  command.body = worker::PlayTone{};
  return command;
}

TEST(WorkerClient, RepliesFindTheirCommands) {
  worker::WorkerMailbox mailbox;
  WorkerClient client(mailbox);
  std::vector<worker::SessionHandle> done;
  for (const worker::SessionHandle handle : {7u, 8u}) {
    ASSERT_TRUE(client.Submit(Tone(handle), [&](worker::Reply reply) { done.push_back(reply.command.session); }));
  }
  EXPECT_TRUE(client.has_outstanding());
  auto first = *mailbox.commands.Pop(), second = *mailbox.commands.Pop();
  (void)mailbox.reports.Push(worker::Reply{worker::CommandStatus::kDone, std::move(second)});
  (void)mailbox.reports.Push(worker::EventReport{9, session::ConsentLost{}});
  (void)mailbox.reports.Push(worker::Reply{worker::CommandStatus::kDone, std::move(first)});
  std::vector<worker::SessionHandle> events;
  EXPECT_TRUE(client.ServeReports([&](const auto& report) { events.push_back(report.session); }));
  EXPECT_EQ(done, (std::vector<worker::SessionHandle>{8, 7}));
  EXPECT_EQ(events, std::vector<worker::SessionHandle>{9});
  EXPECT_FALSE(client.has_outstanding());
  EXPECT_FALSE(client.ServeReports([](const auto&) {}));
}

TEST(WorkerClient, ALateReplyGoesToTheLateHand) {
  worker::WorkerMailbox mailbox;
  WorkerClient client(mailbox);
  bool was_late = false;
  EXPECT_FALSE(client.Call(Tone(1), base::TimeDelta::Milliseconds(1), [&](const worker::Reply&) { was_late = true; })
                   .has_value());
  EXPECT_FALSE(was_late);
  (void)mailbox.reports.Push(worker::Reply{worker::CommandStatus::kDone, *mailbox.commands.Pop()});
  client.ServeReports([](const auto&) {});
  EXPECT_TRUE(was_late);
}

TEST(WorkerClient, AFullMailboxRefuses) {
  worker::WorkerMailbox mailbox;
  WorkerClient client(mailbox);
  while (client.Submit(Tone(1), nullptr)) {
  }
  EXPECT_FALSE(client.Call(Tone(1), base::TimeDelta::Seconds(5)).has_value());
}

TEST(RandomText, IsOfItsAlphabetAndNew) {
  const std::string a = RandomText(24), b = RandomText(24);
  EXPECT_EQ(a.size(), 24u);
  EXPECT_NE(a, b);
  for (const char c : a + b) {
    EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/');
  }
  EXPECT_NE(RandomU64(), RandomU64());
  EXPECT_NE(RandomSsrc(), 0u);
}

}  // namespace
}  // namespace byon::rpc
