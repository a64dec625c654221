#include <gtest/gtest.h>

#include "dataplane/base/random.h"
#include "dataplane/rtp/reception_statistics.h"
#include "dataplane/rtp/sender_statistics.h"

namespace byon::rtp {
namespace {

using base::TimeDelta;
using base::Timestamp;
using Verdict = ReceptionStatistics::Verdict;

constexpr uint32_t kRate = 16'000;
constexpr TimeDelta kFrame = TimeDelta::Milliseconds(20);
constexpr int64_t kFrameUnits = 320;

// A source that sends every 20 ms and whose packets arrive as the test says.
class Source {
 public:
  explicit Source(uint16_t first = 1000) : sequence_{first} {}
  // Sends `count` packets and delivers them with `delay`.
  void Deliver(int count, TimeDelta delay = {}) {
    for (int i = 0; i < count; ++i) {
      verdict_ = statistics.OnPacket(sequence_, timestamp_, 40, now + delay);
      Advance();
    }
  }
  void Lose(int count) {
    for (int i = 0; i < count; ++i) Advance();
  }
  void JumpTo(uint16_t sequence) { sequence_ = {sequence}; }
  Verdict verdict() const { return verdict_; }

  ReceptionStatistics statistics{Ssrc{7}, kRate};
  // Far from zero, so that arithmetic on large clocks is exercised: 40 days.
  Timestamp now = Timestamp::FromMilliseconds(int64_t{40} * 24 * 3'600'000);

 private:
  void Advance() {
    ++sequence_;
    timestamp_ = timestamp_ + kFrameUnits;
    now += kFrame;
  }
  SequenceNumber sequence_;
  RtpTimestamp timestamp_{0xffffff00};
  Verdict verdict_ = Verdict::kProbation;
};

TEST(ReceptionStatistics, TrustsASourceAfterTwoPacketsInOrder) {
  Source source;
  source.Deliver(1);
  EXPECT_EQ(source.verdict(), Verdict::kProbation);
  EXPECT_FALSE(source.statistics.MakeReportBlock(source.now));
  source.Deliver(1);
  EXPECT_EQ(source.verdict(), Verdict::kValid);
  EXPECT_TRUE(source.statistics.MakeReportBlock(source.now));
}

TEST(ReceptionStatistics, ProbationStartsOverAfterAGap) {
  Source source;
  source.Deliver(1);
  source.Lose(5);
  source.Deliver(1);
  EXPECT_EQ(source.verdict(), Verdict::kProbation);
  source.Deliver(1);
  EXPECT_EQ(source.verdict(), Verdict::kValid);
  EXPECT_EQ(source.statistics.cumulative_lost(), 0);
}

TEST(ReceptionStatistics, CountsLossWithinAndAcrossReports) {
  Source source;
  source.Deliver(100);
  (void)source.statistics.MakeReportBlock(source.now);
  source.Deliver(30);
  source.Lose(10);
  source.Deliver(60);
  const auto report = source.statistics.MakeReportBlock(source.now);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->source, Ssrc{7});
  EXPECT_EQ(report->cumulative_lost, 10);
  EXPECT_EQ(report->fraction_lost, 10 * 256 / 100);
  source.Deliver(50);
  const auto next = source.statistics.MakeReportBlock(source.now);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->fraction_lost, 0);
  EXPECT_EQ(next->cumulative_lost, 10);
}

// RFC 3550 section 6.4: blocks are about sources heard since the last report.
TEST(ReceptionStatistics, ASilentSourceIsNotReportedOn) {
  Source source;
  source.Deliver(10);
  EXPECT_TRUE(source.statistics.MakeReportBlock(source.now));
  EXPECT_FALSE(source.statistics.MakeReportBlock(source.now));
  source.Deliver(1);
  EXPECT_TRUE(source.statistics.MakeReportBlock(source.now));
}

// Discontinuous transmission pauses the sequence numbers too: silence is no loss.
TEST(ReceptionStatistics, SilenceIsNotLoss) {
  Source source;
  source.Deliver(50);
  for (int i = 0; i < 20; ++i) {
    source.now += TimeDelta::Milliseconds(140);  // one packet each 160 ms
    source.Deliver(1);
  }
  const auto block = source.statistics.MakeReportBlock(source.now);
  EXPECT_EQ(block->fraction_lost, 0);
  EXPECT_EQ(block->cumulative_lost, 0);
}

TEST(ReceptionStatistics, UselessPacketsCountInTheFractionOfTheirIntervalOnly) {
  Source source;
  source.Deliver(2);
  (void)source.statistics.MakeReportBlock(source.now);
  source.Deliver(90);
  source.Lose(10);
  source.Deliver(28);
  EXPECT_TRUE(source.statistics.has_new_loss());
  for (int i = 0; i < 6; ++i) source.statistics.OnUseless();
  const auto block = source.statistics.MakeReportBlock(source.now);
  EXPECT_EQ(block->fraction_lost, 16 * 256 / 128);
  EXPECT_EQ(block->cumulative_lost, 10);
  EXPECT_FALSE(source.statistics.has_new_loss());
  source.Deliver(10);
  EXPECT_EQ(source.statistics.MakeReportBlock(source.now)->fraction_lost, 0);
}

// A packet twice and another lost: RFC 3550's arithmetic cancels them, the truth does not.
TEST(ReceptionStatistics, DuplicatesDoNotHideLoss) {
  Source source(1000);
  source.Deliver(100);
  (void)source.statistics.MakeReportBlock(source.now);
  source.Deliver(50);
  source.Lose(25);
  source.Deliver(25);
  for (int i = 0; i < 25; ++i) {
    source.JumpTo(static_cast<uint16_t>(1100 + i));
    source.Deliver(1);
    source.statistics.OnUseless();
  }
  EXPECT_EQ(source.statistics.MakeReportBlock(source.now)->fraction_lost, 64);
}

TEST(ReceptionStatistics, AnIntervalOverTheWrapLosesNothing) {
  Source source(0xffce);  // the wrap is in the middle of the second interval
  source.Deliver(30);
  (void)source.statistics.MakeReportBlock(source.now);
  source.Deliver(15);
  source.Lose(10);
  source.Deliver(25);
  const auto block = source.statistics.MakeReportBlock(source.now);
  EXPECT_EQ(block->fraction_lost, 10 * 256 / 50);
  EXPECT_EQ(block->extended_highest_sequence_number, 0x1001du);
}

TEST(ReceptionStatistics, WrapsAreCounted) {
  Source source(0xfff0);
  source.Deliver(32);
  EXPECT_EQ(source.statistics.extended_highest_sequence_number(), 0x1000fu);
  EXPECT_EQ(source.statistics.cumulative_lost(), 0);
  // A day of 20 ms packets wraps 65 times.
  source.Deliver(24 * 3600 * 50);
  EXPECT_EQ(source.statistics.cumulative_lost(), 0);
  EXPECT_EQ(source.statistics.extended_highest_sequence_number() >> 16, 66u);
}

TEST(ReceptionStatistics, DuplicatesMakeLossNegative) {
  Source source(10);
  source.Deliver(10);
  source.JumpTo(15);
  source.Deliver(1);
  source.JumpTo(15);
  source.Deliver(1);
  EXPECT_EQ(source.statistics.cumulative_lost(), -2);
  EXPECT_EQ(source.statistics.MakeReportBlock(source.now)->fraction_lost, 0);
}

TEST(ReceptionStatistics, OnePacketFarAwayIsSuspectTwoAreARestart) {
  Source source(100);
  source.Deliver(50);
  source.JumpTo(30'000);
  source.Deliver(1);
  EXPECT_EQ(source.verdict(), Verdict::kSuspect);
  EXPECT_EQ(source.statistics.extended_highest_sequence_number(), 149u);
  source.Deliver(1);
  EXPECT_EQ(source.verdict(), Verdict::kRestarted);
  EXPECT_EQ(source.statistics.extended_highest_sequence_number(), 30'001u);
  EXPECT_EQ(source.statistics.cumulative_lost(), 0);
  source.Deliver(1);
  EXPECT_EQ(source.verdict(), Verdict::kValid);
}

TEST(ReceptionStatistics, FractionLostIsCappedWhenOnlyLatePacketsComeAfterASpike) {
  Source source;
  source.Deliver(2);
  (void)source.statistics.MakeReportBlock(source.now);
  source.Lose(2'900);
  source.Deliver(1);
  EXPECT_EQ(source.statistics.MakeReportBlock(source.now)->fraction_lost, 255);
}

TEST(ReceptionStatistics, SteadyArrivalHasNoJitter) {
  Source source;
  source.Deliver(500, TimeDelta::Milliseconds(80));
  EXPECT_EQ(source.statistics.jitter(), 0u);
}

TEST(ReceptionStatistics, AlternatingDelayConvergesToItsStep) {
  // RFC 3550 appendix A.8: |D| is 10 ms each time, so J converges to 10 ms.
  Source source;
  for (int i = 0; i < 500; ++i) source.Deliver(1, TimeDelta::Milliseconds(i % 2 == 0 ? 0 : 10));
  EXPECT_NEAR(static_cast<double>(source.statistics.jitter_time().microseconds()), 10'000, 800);
}

TEST(ReceptionStatistics, TimestampJumpIsNotJitter) {
  Source source;
  source.Deliver(100);
  (void)source.statistics.OnPacket({1100}, {0x7fffff00}, 40, source.now);
  EXPECT_EQ(source.statistics.jitter(), 0u);
}

TEST(ReceptionStatistics, PacketsOfOneTimestampAreNotJitter) {
  ReceptionStatistics statistics(Ssrc{1}, 8'000);
  Timestamp now = Timestamp::FromMilliseconds(5'000);
  for (uint16_t i = 0; i < 50; ++i, now += kFrame) {
    (void)statistics.OnPacket({i}, {160}, 4, now);
  }
  EXPECT_EQ(statistics.jitter(), 0u);
}

TEST(ReceptionStatistics, ReportsTheLastSenderReport) {
  Source source;
  source.Deliver(3);
  EXPECT_EQ(source.statistics.MakeReportBlock(source.now)->last_sr, 0u);
  source.statistics.OnSenderReport(NtpTime(0x1122'3344'5566'7788), source.now);
  const Timestamp arrival = source.now;
  source.Deliver(1);
  const auto block = source.statistics.MakeReportBlock(arrival + TimeDelta::Milliseconds(1'500));
  EXPECT_EQ(block->last_sr, 0x33445566u);
  EXPECT_EQ(block->delay_since_last_sr, 65'536u + 32'768u);
}

TEST(ReceptionStatistics, RandomWeatherKeepsTheBooks) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    base::Random random(seed);
    Source source(static_cast<uint16_t>(random.NextU32()));
    source.Deliver(2);
    int lost = 0;
    for (int i = 0; i < 5'000; ++i) {
      if (random.NextBelow(100) < 5) {
        source.Lose(1);
        ++lost;
      } else {
        source.Deliver(1);
      }
    }
    source.Deliver(1);
    EXPECT_EQ(source.statistics.cumulative_lost(), lost) << "seed " << seed;
    EXPECT_EQ(source.statistics.packets_received(), 5'003u - static_cast<unsigned>(lost));
  }
}

TEST(SenderStatistics, ReportCarriesTheTimestampOnToNow) {
  SenderStatistics statistics(Ssrc{5}, 48'000);
  const Timestamp start = Timestamp::FromMilliseconds(1'000'000);
  EXPECT_FALSE(statistics.MakeSenderInfo(start, NtpTime(1)));
  statistics.OnPacketSent({960}, 100, start);
  statistics.OnPacketSent({1920}, 60, start + kFrame);
  const auto info = statistics.MakeSenderInfo(start + TimeDelta::Milliseconds(2'530), NtpTime(42));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->ntp, NtpTime(42));
  EXPECT_EQ(info->rtp_timestamp, RtpTimestamp{1920 + 2'510 * 48});
  EXPECT_EQ(info->packet_count, 2u);
  EXPECT_EQ(info->octet_count, 160u);
}

TEST(SenderStatistics, RoundTripTimeOfTheExampleInRfc3550) {
  // RFC 3550 section 6.4.1, figure 2: A 0xb710:8000, LSR 0xb705:2000, DLSR 0x0005:4000 give 6.125
  // s.
  SenderStatistics statistics(Ssrc{5}, 8'000);
  ReportBlock block;
  block.source = {5};
  block.last_sr = 0xb7052000;
  block.delay_since_last_sr = 0x00054000;
  block.fraction_lost = 128;
  block.jitter = 80;
  statistics.OnReportBlock(block, NtpTime(uint64_t{0xb7108000} << 16));
  EXPECT_EQ(statistics.round_trip_time(), TimeDelta::Milliseconds(6'125));
  EXPECT_DOUBLE_EQ(statistics.remote_fraction_lost(), 0.5);
  EXPECT_EQ(statistics.remote_jitter(), TimeDelta::Milliseconds(10));
}

TEST(SenderStatistics, IgnoresOtherSourcesAndImpossibleTimes) {
  SenderStatistics statistics(Ssrc{5}, 8'000);
  ReportBlock block;
  block.source = {6};
  block.last_sr = 1;
  statistics.OnReportBlock(block, NtpTime(uint64_t{9} << 16));
  EXPECT_FALSE(statistics.round_trip_time());
  block.source = {5};
  block.last_sr = 0;
  statistics.OnReportBlock(block, NtpTime(uint64_t{9} << 16));
  EXPECT_FALSE(statistics.round_trip_time());
  block.last_sr = 10;
  statistics.OnReportBlock(block, NtpTime(uint64_t{9} << 16));
  EXPECT_EQ(statistics.round_trip_time(), TimeDelta());
}

TEST(EndToEnd, TwoEndsMeasureTheRoundTripBetweenThem) {
  // SR out, 40 ms each way, 500 ms held at the far end.
  SenderStatistics sender(Ssrc{5}, 16'000);
  ReceptionStatistics receiver(Ssrc{5}, 16'000);
  const TimeDelta wall = TimeDelta::Seconds(1'900'000'000);
  const Timestamp sent = Timestamp::FromMilliseconds(50'000);
  sender.OnPacketSent({0}, 1, sent);
  for (uint16_t i = 0; i < 3; ++i) (void)receiver.OnPacket({i}, {i * 320u}, 1, sent);
  const auto info = sender.MakeSenderInfo(sent, NtpTime::FromUnix(wall));
  receiver.OnSenderReport(info->ntp, sent + TimeDelta::Milliseconds(40));
  const auto block = receiver.MakeReportBlock(sent + TimeDelta::Milliseconds(540));
  sender.OnReportBlock(*block, NtpTime::FromUnix(wall + TimeDelta::Milliseconds(580)));
  EXPECT_NEAR(sender.round_trip_time()->seconds(), 0.080, 0.0001);
}

TEST(NtpTime, KnowsTheUnixEpochAndWrapsIn2036) {
  EXPECT_EQ(NtpTime::FromUnix({}).seconds(), 2'208'988'800u);
  EXPECT_EQ(NtpTime::FromUnix(TimeDelta::Milliseconds(500)).fraction(), 0x80000000u);
  // RFC 5905 section 6: era 1 starts on 7 February 2036, 06:28:16 UTC.
  const NtpTime before = NtpTime::FromUnix(TimeDelta::Seconds(2'085'978'495));
  const NtpTime after = NtpTime::FromUnix(TimeDelta::Seconds(2'085'978'497));
  EXPECT_EQ(after.seconds(), 1u);
  EXPECT_EQ(after - before, TimeDelta::Seconds(2));
  EXPECT_EQ(before - after, TimeDelta::Seconds(-2));
}

TEST(NtpTime, CompactFormSaturates) {
  EXPECT_EQ(CompactNtpFromTimeDelta(TimeDelta::Seconds(1)), 65'536u);
  EXPECT_EQ(CompactNtpFromTimeDelta(TimeDelta::Seconds(-1)), 0u);
  EXPECT_EQ(CompactNtpFromTimeDelta(TimeDelta::Seconds(1'000'000)), 0xffff0000u);
  EXPECT_EQ(TimeDeltaFromCompactNtp(0x18000), TimeDelta::Milliseconds(1'500));
}

}  // namespace
}  // namespace byon::rtp
