#include "perf/quality/gateway_run.h"

#include <time.h>

#include <algorithm>
#include <memory>

#include "dataplane/base/check.h"
#include "dataplane/codec/audio_frame.h"
#include "dataplane/pipeline/playout_stage.h"
#include "dataplane/pipeline/transcoding_pipeline.h"
#include "dataplane/rtp/rtp_packet_builder.h"

namespace byon::quality {
namespace {

using base::TimeDelta;
using base::Timestamp;

constexpr TimeDelta kTick = TimeDelta::Milliseconds(20);
constexpr TimeDelta kAfterTheEnd = TimeDelta::Milliseconds(600);
// Both wrap soon.
constexpr uint16_t kFirstSequenceNumber = 65'300;
constexpr uint32_t kFirstTimestamp = 0xfff0'0000;

double ThreadCpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// What is under measurement: packets in, 20 ms of audio (or none) out.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual void Insert(const rtp::RtpPacketView& packet, Timestamp arrival) = 0;
  virtual void Tick(Timestamp now) = 0;
  // What is heard in the end: 20 ms for each tick, silence where nothing was sent.
  virtual std::vector<int16_t> Audio(const Trace& trace) = 0;
  virtual const pipeline::PipelineStats& stats() const = 0;
};

uint64_t Dropped(const pipeline::PipelineStats& stats) {
  return stats.late_packets + stats.drops[static_cast<size_t>(pipeline::DropReason::kPlayoutOverflow)];
}

// One leg alone.
class LegSubject final : public Subject {
 public:
  explicit LegSubject(const CallPath& path) : stage_(stats_) {
    frame_.SetRate(path.rate_hz());
    BYON_CHECK(!path.in.has_red, "redundancy is taken apart before this half");
    const auto receive = path.receive_format();
    const auto send = path.send_format();
    auto setup = pipeline::PrepareReceive({&receive, 1}, &send);
    BYON_CHECK(setup.ok(), "the format is one we speak");
    BYON_CHECK(stage_.SetReceive(std::move(setup).value()) == nullptr, "nothing is replaced");
  }
  void Insert(const rtp::RtpPacketView& packet, Timestamp arrival) override {
    (void)stage_.InsertAudio(jitter::StreamPacket::Of(packet), false, arrival);
    ++stats_.packets_received;
  }
  void Tick(Timestamp now) override {
    if (!stage_.PullFrame(now, frame_)) std::ranges::fill(frame_.view(), int16_t{0});
    audio_.insert(audio_.end(), frame_.view().begin(), frame_.view().end());
  }
  std::vector<int16_t> Audio(const Trace&) override { return audio_; }
  const pipeline::PipelineStats& stats() const override { return stats_; }

 private:
  pipeline::PipelineStats stats_;
  pipeline::PlayoutStage stage_;
  codec::AudioFrame frame_;
  std::vector<int16_t> audio_;
};

// One direction of a call.
class CallSubject final : public Subject, private pipeline::PacketSink {
 public:
  CallSubject(const CallPath& path, const std::vector<bool>& is_lost_to_listener, uint64_t seed)
      : pipeline_({.ssrc = {2}, .random_seed = seed}),
        codec_(*path.out),
        rate_hz_(path.rate_hz()),
        is_lost_(is_lost_to_listener) {
    const auto receive = path.receive_format();
    const auto send = path.send_format();
    auto receive_setup = pipeline::PrepareReceive({&receive, 1}, &send);
    auto send_setup = pipeline::PrepareSend(send, &receive);
    BYON_CHECK(receive_setup.ok() && send_setup.ok(), "the formats are ones we speak");
    BYON_CHECK(!pipeline_.SetReceive(std::move(receive_setup).value()), "nothing is replaced");
    BYON_CHECK(!pipeline_.SetSend(std::move(send_setup).value()), "nothing is replaced");
  }
  void Insert(const rtp::RtpPacketView& packet, Timestamp arrival) override { (void)pipeline_.Insert(packet, arrival); }
  void Tick(Timestamp now) override {
    if (sent_.size() % kTicksPerReport == kTicksPerReport / 2) Report();
    sent_.emplace_back();
    (void)pipeline_.Tick(now, *this);
  }
  std::vector<int16_t> Audio(const Trace& trace) override {
    return Listen(codec_, rate_hz_, sent_, trace.is_lost_to_listener);
  }
  const pipeline::PipelineStats& stats() const override { return pipeline_.stats(); }

 private:
  base::MutableByteSpan Reserve() override { return buffer_; }
  void Commit(size_t size) override {
    const auto packet = rtp::RtpPacketView::Parse(base::ByteSpan(buffer_).first(size));
    BYON_CHECK(packet.ok(), "the gateway writes valid RTP");
    Payload payload(packet->payload().size());
    std::ranges::transform(packet->payload(), payload.begin(),
                           [](std::byte octet) { return std::to_integer<uint8_t>(octet); });
    sent_.back() = FromRtpPayload(codec_, std::move(payload));
    lost_since_report_ += is_lost_[packets_++];
  }
  void Abandon() override {}
  // The listener's, as the fraction of a receiver report (RFC 3550 section 6.4.1).
  void Report() {
    const size_t packets = std::max<size_t>(1, packets_ - packets_at_report_);
    pipeline_.SetRemoteLoss(static_cast<double>(lost_since_report_ * 256 / packets) / 256);
    packets_at_report_ = packets_;
    lost_since_report_ = 0;
  }

  // RFC 3550 section 6.2: every 5 s, the first after half of it.
  static constexpr size_t kTicksPerReport = 250;

  pipeline::TranscodingPipeline pipeline_;
  CodecChoice codec_;
  int rate_hz_;
  std::array<std::byte, pipeline::kMaxPacketBytes> buffer_{};
  std::vector<std::optional<Payload>> sent_;  // tick by tick
  const std::vector<bool>& is_lost_;
  size_t packets_ = 0;
  size_t packets_at_report_ = 0;
  size_t lost_since_report_ = 0;
};

// The far end's RTP. `number`: of the packets that are sent.
std::vector<std::byte> BuildPacket(const CallPath& path, const std::vector<Payload>& frames, uint32_t index,
                                   uint32_t number) {
  const Payload payload = ToRtpPayload(path.in, frames, index);
  const auto format = path.receive_format();
  const auto units = codec::ClockRateHz(format.codec.codec) / 1000 * static_cast<uint32_t>(path.in.packet_ms);
  std::vector<std::byte> bytes(payload.size() + rtp::kRtpFixedHeaderBytes);
  rtp::RtpPacketBuilder builder(bytes, {index == 0,
                                        {format.red_payload_type.value_or(format.payload_type)},
                                        {static_cast<uint16_t>(kFirstSequenceNumber + number)},
                                        {kFirstTimestamp + index * units},
                                        {1}});
  builder.SetPayload(std::as_bytes(std::span(payload)));
  BYON_CHECK(builder.Finish().has_value(), "the packet fits");
  return bytes;
}

// How many packets were sent before each.
std::vector<uint32_t> Numbers(const CallPath& path, const std::vector<Payload>& frames) {
  std::vector<uint32_t> numbers;
  uint32_t sent = 0;
  for (const Payload& frame : frames) {
    numbers.push_back(sent);
    sent += IsSent(path.in, frame);
  }
  return numbers;
}

GatewayCounts CountsOf(const pipeline::PipelineStats& stats) {
  return {.received_packets = stats.packets_received,
          .ticks_with_audio = stats.frames_played,
          .concealed_frames = stats.concealed_frames,
          .recovered_frames = stats.recovered_frames,
          .comfort_noise_frames = stats.comfort_noise_frames,
          .removed_samples = stats.removed_samples,
          .inserted_samples = stats.inserted_samples,
          .dropped_packets = Dropped(stats)};
}

uint64_t MadeUp(const GatewayCounts& counts) {
  return counts.concealed_frames + counts.recovered_frames + counts.comfort_noise_frames;
}

double ScaledSeconds(const GatewayCounts& counts, int rate_hz) {
  return (static_cast<double>(counts.inserted_samples) - static_cast<double>(counts.removed_samples)) / rate_hz;
}

float ToMs(TimeDelta time) { return static_cast<float>(time.seconds() * 1000); }

}  // namespace

GatewayCounts GatewayCounts::operator-(const GatewayCounts& other) const {
  return {.received_packets = received_packets - other.received_packets,
          .ticks_with_audio = ticks_with_audio - other.ticks_with_audio,
          .concealed_frames = concealed_frames - other.concealed_frames,
          .recovered_frames = recovered_frames - other.recovered_frames,
          .comfort_noise_frames = comfort_noise_frames - other.comfort_noise_frames,
          .removed_samples = removed_samples - other.removed_samples,
          .inserted_samples = inserted_samples - other.inserted_samples,
          .dropped_packets = dropped_packets - other.dropped_packets};
}

GatewayRun RunGateway(const CallPath& path, const std::vector<Payload>& frames, const Trace& trace, size_t lead_packets,
                      TimeDelta tick_phase) {
  BYON_CHECK(frames.size() == trace.sent_at.size() && lead_packets < frames.size(), "the trace is of this call");
  std::unique_ptr<Subject> subject;
  if (path.out) {
    subject = std::make_unique<CallSubject>(path, trace.is_lost_to_listener, 1);
  } else {
    subject = std::make_unique<LegSubject>(path);
  }
  GatewayRun run;
  const Timestamp scored_from = trace.sent_at[lead_packets];
  const Timestamp scored_until = trace.sent_at.back();
  GatewayCounts before, after;
  const std::vector<uint32_t> numbers = Numbers(path, frames);
  size_t next = 0;
  for (Timestamp now = trace.sent_at.front() + tick_phase; now < scored_until + kAfterTheEnd; now += kTick) {
    const GatewayCounts last = CountsOf(subject->stats());
    if (now < scored_from) before = last;
    if (now < scored_until) after = last;
    for (; next < trace.arrivals.size() && trace.arrivals[next].at <= now; ++next) {
      const uint32_t index = trace.arrivals[next].packet;
      if (!IsSent(path.in, frames[index])) continue;
      const auto bytes = BuildPacket(path, frames, index, numbers[index]);
      const auto view = rtp::RtpPacketView::Parse(bytes);
      BYON_CHECK(view.ok(), "the far end writes valid RTP");
      const double start = ThreadCpuSeconds();
      subject->Insert(*view, trace.arrivals[next].at);
      run.cpu_seconds += ThreadCpuSeconds() - start;
    }
    const double start = ThreadCpuSeconds();
    subject->Tick(now);
    run.cpu_seconds += ThreadCpuSeconds() - start;

    const auto& stats = subject->stats();
    const GatewayCounts counts = CountsOf(stats);
    run.ticks.push_back(
        {.at = now,
         .delay_ms = ToMs(stats.playout_delay),
         .target_ms = ToMs(stats.target_playout_delay),
         .inserted_s = ScaledSeconds(counts - last, path.rate_hz()),
         .made_up = MadeUp(counts) - MadeUp(last),
         .is_speech = counts.ticks_with_audio > last.ticks_with_audio && MadeUp(counts) == MadeUp(last)});
  }
  run.output = FromPcm(subject->Audio(trace), path.rate_hz());
  run.scored = after - before;
  return run;
}

}  // namespace byon::quality
