#include "dataplane/net/neighbour_table.h"

#include <gtest/gtest.h>

#include <memory>

namespace byon::net {
namespace {

using base::TimeDelta;
using base::Timestamp;
using Outcome = NeighbourTable::Outcome;

const IpAddress kPeer = IpAddress::V4(192, 0, 2, 9);
const MacAddress kPeerMac{{2, 0, 0, 0, 0, 9}};
const MacAddress kOtherMac{{2, 0, 0, 0, 0, 10}};

class NeighbourTableTest : public testing::Test {
 protected:
  Outcome Send(const IpAddress& ip, int packet = 0) { return table_->Resolve(ip, &packets_[packet], now_).outcome; }
  void Answer() { table_->Learn(kPeer, kPeerMac, false, true, now_); }
  void Pass(TimeDelta time) {
    now_ += time;
    table_->HandleTimeout(now_);
  }

  std::unique_ptr<NeighbourTable> table_ = std::make_unique<NeighbourTable>();
  Timestamp now_ = Timestamp::FromMilliseconds(1'000'000);
  char packets_[1000];
};

TEST_F(NeighbourTableTest, PacketsWaitForTheAnswerAndKeepTheirOrder) {
  EXPECT_EQ(Send(kPeer, 0), Outcome::kQueued);
  EXPECT_EQ(Send(kPeer, 1), Outcome::kQueued);
  const auto solicitation = table_->PollSolicitation();
  ASSERT_TRUE(solicitation);
  EXPECT_EQ(solicitation->ip, kPeer);
  EXPECT_FALSE(solicitation->mac);
  EXPECT_FALSE(table_->PollSolicitation()) << "one question for both";
  EXPECT_FALSE(table_->PollReady());
  Answer();
  for (int i = 0; i < 2; ++i) {
    const auto ready = table_->PollReady();
    ASSERT_TRUE(ready);
    EXPECT_EQ(ready->packet, &packets_[i]);
    EXPECT_EQ(ready->mac, kPeerMac);
  }
  EXPECT_FALSE(table_->PollReady());
  EXPECT_EQ(Send(kPeer), Outcome::kReady);
}

TEST_F(NeighbourTableTest, AsksThreeTimesThenGivesUp) {
  EXPECT_EQ(Send(kPeer), Outcome::kQueued);
  int questions = 0;
  for (int i = 0; i < 30; ++i) {
    while (table_->PollSolicitation()) ++questions;
    Pass(TimeDelta::Milliseconds(100));
  }
  EXPECT_EQ(questions, NeighbourTable::kMaxSolicitations);
  EXPECT_EQ(table_->PollUnreachable(), &packets_[0]);
  EXPECT_FALSE(table_->PollUnreachable());
  EXPECT_EQ(table_->size(), 0u);
  EXPECT_TRUE(table_->NextDeadline().is_infinite());
}

TEST_F(NeighbourTableTest, QueuesAreBounded) {
  for (size_t i = 0; i < NeighbourTable::kMaxPendingPerNeighbour; ++i) {
    EXPECT_EQ(Send(kPeer), Outcome::kQueued);
  }
  EXPECT_EQ(Send(kPeer), Outcome::kQueueFull);
  // All neighbours together.
  size_t queued = NeighbourTable::kMaxPendingPerNeighbour;
  for (int i = 0; i < 200; ++i) {
    for (int k = 0; k < 8; ++k) {
      if (Send(IpAddress::V4(10, 0, 1, static_cast<uint8_t>(i))) == Outcome::kQueued) ++queued;
    }
  }
  EXPECT_EQ(queued, NeighbourTable::kMaxPending);
  // Giving them up makes room again.
  Pass(TimeDelta::Seconds(1));
  Pass(TimeDelta::Seconds(1));
  Pass(TimeDelta::Seconds(1));
  size_t returned = 0;
  while (table_->PollUnreachable()) ++returned;
  EXPECT_EQ(returned, NeighbourTable::kMaxPending);
  EXPECT_EQ(Send(kPeer), Outcome::kQueued);
}

TEST_F(NeighbourTableTest, MemoryIsBoundedUnderAScan) {
  for (int i = 0; i < 65'536; ++i) {
    table_->Learn(IpAddress::V4(10, 1, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)), kPeerMac, true, false,
                  now_);
  }
  EXPECT_LE(table_->size(), 512u);
}

TEST_F(NeighbourTableTest, SetFullOfWaitingNeighboursRefusesAnother) {
  Outcome last = Outcome::kQueued;
  for (int i = 0; i < 65'536 && last == Outcome::kQueued; ++i) {
    const auto ip = IpAddress::V4(10, 1, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i));
    if (ip.Hash() % 64 == 0) last = Send(ip);
  }
  EXPECT_EQ(last, Outcome::kTableFull);
}

TEST_F(NeighbourTableTest, ProbesAnOldNeighbourWhileStillUsingIt) {
  (void)Send(kPeer);
  Answer();
  while (table_->PollSolicitation()) {
  }
  Pass(NeighbourTable::kReachableTime);
  EXPECT_EQ(Send(kPeer), Outcome::kReady);
  const auto probe = table_->PollSolicitation();
  ASSERT_TRUE(probe);
  EXPECT_EQ(probe->mac, kPeerMac) << "straight to it";
  Answer();
  EXPECT_EQ(Send(kPeer), Outcome::kReady);
  EXPECT_FALSE(table_->PollSolicitation());
}

TEST_F(NeighbourTableTest, DeadNeighbourIsForgottenAfterItsProbes) {
  (void)Send(kPeer);
  Answer();
  Pass(NeighbourTable::kReachableTime);
  EXPECT_EQ(Send(kPeer), Outcome::kReady);
  for (int i = 0; i < 3; ++i) Pass(TimeDelta::Seconds(1));
  EXPECT_EQ(Send(kPeer), Outcome::kQueued) << "asked anew, by broadcast";
}

TEST_F(NeighbourTableTest, MovedNeighbourIsFollowed) {
  (void)Send(kPeer);
  Answer();
  table_->Learn(kPeer, kOtherMac, false, false, now_);
  EXPECT_EQ(table_->Resolve(kPeer, nullptr, now_).mac, kOtherMac);
}

TEST_F(NeighbourTableTest, UnaskedNewsMakesNoEntry) {
  table_->Learn(kPeer, kPeerMac, false, true, now_);
  EXPECT_EQ(table_->size(), 0u);
  table_->Learn(kPeer, MacAddress::Broadcast(), true, true, now_);
  table_->Learn(kPeer, MacAddress(), true, true, now_);
  EXPECT_EQ(table_->size(), 0u);
  table_->Learn(kPeer, kPeerMac, true, false, now_);
  EXPECT_EQ(Send(kPeer), Outcome::kReady);
  EXPECT_TRUE(table_->PollSolicitation()) << "what was overheard is proved at first use";
}

}  // namespace
}  // namespace byon::net
