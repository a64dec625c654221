// A worker that has more to do than it can, in simulated time: every packet that it sends takes it a while.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "dataplane/rtp/datagram_class.h"
#include "dataplane/rtp/rtp_packet_view.h"
#include "dataplane/worker/worker.h"
#include "tests/dataplane/support/call_simulation.h"

namespace byon::test {
namespace {

using base::TimeDelta;
using worker::CommandStatus;

constexpr uint16_t kFirstPort = 20'000;

// Nothing comes, what is sent is forgotten.
class Void final : public worker::PacketIo {
 public:
  worker::OpenPortResult OpenPort(const net::SocketAddress&) override { return worker::OpenPortResult::kOpened; }
  void ClosePort(const net::SocketAddress&) override {}
  size_t ReceiveBurst(std::span<worker::ReceivedDatagram>, base::Timestamp) override { return 0; }
  void Release(std::span<const worker::ReceivedDatagram>) override {}
  worker::TxBuffer Allocate() override {
    auto& storage = storage_[next_++ % storage_.size()];
    return {storage.data(), storage.size(), nullptr};
  }
  void Free(const worker::TxBuffer&) override {}
  void Send(std::span<const worker::OutgoingDatagram> datagrams, base::Timestamp) override {
    sent += static_cast<int64_t>(datagrams.size());
    for (const worker::OutgoingDatagram& datagram : datagrams) {
      const bool is_rtp = rtp::ClassifyDatagram(datagram.payload()) == rtp::DatagramClass::kRtp;
      if (!is_rtp || datagram.source.port != kFirstPort + 2) continue;
      timestamp = rtp::RtpPacketView::Parse(datagram.payload())->timestamp();
    }
  }
  void Flush(base::Timestamp) override {}
  void Wait(base::Timestamp, base::Timestamp) override {}
  uint64_t handed_over() const override { return 0; }

  int64_t sent = 0;
  rtp::RtpTimestamp timestamp;  // of the first call's last packet

 private:
  std::array<std::array<std::byte, session::kMinTxCapacity>, 256> storage_;
  size_t next_ = 0;
};

class OverloadTest : public testing::Test {
 protected:
  static constexpr size_t kCalls = 40;  // a packet each in 20 ms

  OverloadTest() : worker_({.session_capacity = kCalls, .use_amr_wb_batch = false}, io_, mailbox_, handshakes_) {
    for (size_t i = 0; i < kCalls; ++i) Open(i);
  }

  // A call that hears a tone.
  void Open(size_t number) {
    const auto port = static_cast<uint16_t>(kFirstPort + 4 * number);
    const net::IpAddress ip = net::IpAddress::V4(192, 0, 2, 1);
    session::SessionConfig config;
    config.handle = session::MakeSessionHandle(number + 1, port);
    config.access = {{ip, port}, {"gway", "gateway-password-of-22-ch"}, 1};
    config.ims = {{ip, static_cast<uint16_t>(port + 2)}, {ip, static_cast<uint16_t>(port + 3)}, 2};
    config.random_seed = number;
    session::ImsRemote remote;
    remote.rtp = {net::IpAddress::V4(203, 0, 113, 9), static_cast<uint16_t>(40'000 + number)};
    remote.audio = session::AudioDescription{PcmuFormat(), {PcmuFormat()}};
    session::SessionAudio audio;
    worker::CreateSession create;
    create.session = std::make_unique<session::MediaSession>(config);
    create.change = std::move(session::PrepareSessionChange({{}, remote, {}}, audio)).value();
    Push(config.handle, std::move(create));
    Push(config.handle, worker::PlayTone{session::Leg::kIms, pipeline::Tone::kRingback});
    handles_.push_back(config.handle);
    Run(TimeDelta::Milliseconds(5), TimeDelta());
  }
  template <typename Body>
  void Push(worker::SessionHandle handle, Body body) {
    ASSERT_TRUE(mailbox_.commands.Push({.id = 1, .session = handle, .body = std::move(body)}));
  }

  void Run(TimeDelta duration, TimeDelta cost_of_packet) {
    longest_turn_ = TimeDelta();
    for (const base::Timestamp end = now_ + duration; now_ < end;) Turn(cost_of_packet);
  }
  void Turn(TimeDelta cost_of_packet) {
    const int64_t before = io_.sent;
    worker_.RunOnce(now_);
    const TimeDelta spent = cost_of_packet * (io_.sent - before);
    longest_turn_ = std::max(longest_turn_, spent);
    now_ += std::max(spent, TimeDelta::Microseconds(100));
    while (auto report = mailbox_.reports.Pop()) {
      const auto* reply = std::get_if<worker::Reply>(&*report);
      EXPECT_TRUE(!reply || reply->status == CommandStatus::kDone);
    }
  }

  Void io_;
  worker::WorkerMailbox mailbox_;
  worker::HandshakeMailbox handshakes_;
  worker::Worker worker_;
  std::vector<worker::SessionHandle> handles_;
  base::Timestamp now_ = base::Timestamp::FromMilliseconds(1'000'000);
  TimeDelta longest_turn_;
};

constexpr TimeDelta kTwiceTooMuch = TimeDelta::Milliseconds(1);
constexpr TimeDelta kHalfOfWhatItCan = TimeDelta::Microseconds(250);

TEST_F(OverloadTest, NoTurnIsLongHoweverLateTheWorkerIs) {
  Run(TimeDelta::Seconds(5), kTwiceTooMuch);
  EXPECT_GT(worker_.Stats().late_ticks, 0u);
  // The calls of one slot, and a few reports.
  EXPECT_LE(longest_turn_, kTwiceTooMuch * 8);
}

TEST_F(OverloadTest, CallsEndAtOnce) {
  Run(TimeDelta::Seconds(5), kTwiceTooMuch);
  for (const worker::SessionHandle handle : handles_) Push(handle, worker::CloseSession{});
  const base::Timestamp start = now_;
  while (worker_.session_count() > 0 && now_ < start + TimeDelta::Seconds(60)) Turn(kTwiceTooMuch);
  // Each says goodbye too.
  EXPECT_LE(now_ - start, TimeDelta::Milliseconds(200));
}

TEST_F(OverloadTest, IsInTimeAgainAsSoonAsItCan) {
  Run(TimeDelta::Seconds(5), kTwiceTooMuch);
  Run(TimeDelta::Milliseconds(250), kHalfOfWhatItCan);
  const uint64_t late_before = worker_.Stats().late_ticks;
  const int64_t sent_before = io_.sent;
  Run(TimeDelta::Seconds(2), kHalfOfWhatItCan);
  EXPECT_EQ(worker_.Stats().late_ticks, late_before);
  EXPECT_NEAR(static_cast<double>(io_.sent - sent_before), kCalls * 100, 60) << "and reports";
}

// What was given up is a gap in the stream, not a delay for the rest of the call.
TEST_F(OverloadTest, TheSendersClockStaysWithTime) {
  Run(TimeDelta::Seconds(1), kHalfOfWhatItCan);
  const base::Timestamp start = now_;
  const rtp::RtpTimestamp first = io_.timestamp;
  for (int i = 0; i < 3; ++i) {
    Run(TimeDelta::Seconds(2), kTwiceTooMuch);
    Run(TimeDelta::Seconds(1), kHalfOfWhatItCan);
  }
  const int64_t elapsed = (now_ - start).milliseconds() * 8;  // of PCMU's clock
  EXPECT_NEAR(static_cast<double>(io_.timestamp - first), static_cast<double>(elapsed), 160 + 8);
}

}  // namespace
}  // namespace byon::test
