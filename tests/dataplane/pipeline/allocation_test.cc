// After set-up nothing in a call may touch the heap: not our code, not the codec libraries.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>

#include "dataplane/codec/amr_wb_batch.h"
#include "tests/dataplane/pipeline/pipeline_harness.h"
#include "tests/dataplane/support/audio_signal.h"

namespace {

std::atomic<bool> is_counting = false;
std::atomic<size_t> allocations = 0;

void Count() {
  if (is_counting.load(std::memory_order_relaxed)) ++allocations;
}

}  // namespace

#if defined(__SANITIZE_ADDRESS__)

// Of the sanitizers' allocator interface, whose header gcc does not bring.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void*, size_t),
                                                         void (*free_hook)(const volatile void*));
namespace {
[[maybe_unused]] const int kHooks = __sanitizer_install_malloc_and_free_hooks(
    [](const volatile void*, size_t) { Count(); }, [](const volatile void*) {});
}  // namespace

#else

// glibc's own names, so that the libraries' calls come here as well.
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* malloc(size_t size) { return Count(), __libc_malloc(size); }
void* calloc(size_t count, size_t size) { return Count(), __libc_calloc(count, size); }
void* realloc(void* memory, size_t size) { return Count(), __libc_realloc(memory, size); }
}

#endif

namespace byon::test {
namespace {

TEST(AllocationTest, TheCounterCounts) {
  allocations = 0;
  is_counting = true;
  const auto memory = std::make_unique<std::vector<int>>(100);
  is_counting = false;
  EXPECT_GE(allocations, 1u);
  EXPECT_EQ(memory->size(), 100u);
}

// All of a stormy call's packets are made before; then only the pipeline runs.
TEST(AllocationTest, ACallNeverTouchesTheHeap) {
  auto opus = WithEvents(OpusFormat(), 101, 48'000);
  opus.codec.opus.use_inband_fec = true;
  opus.codec.opus.use_dtx = true;
  auto amr_wb = WithEvents(AmrWbFormat(), 101, 16'000);
  amr_wb.codec.amr.use_dtx = true;
  auto amr = WithEvents(AmrFormat(), 101, 8000);
  amr.codec.amr.use_dtx = true;
  const auto pcmu = WithEvents(G711Format(codec::Codec::kPcmu), 101, 8000);
  const std::array formats = {opus, amr_wb, amr, pcmu};
  const auto batch = codec::AmrWbBatch::MakeForThisCpu();
  for (const auto& receive : formats) {
    // AMR-WB once more, encoded in a batch.
    for (size_t which = 0; which <= formats.size(); ++which) {
      const bool is_batched = which == formats.size();
      const auto& send = is_batched ? amr_wb : formats[which];
      PipelineHarness call(receive, send, NetworkWeather::Storm(), 5);
      if (is_batched) {
        (void)call.pipeline.SetSend(std::move(pipeline::PrepareSend(send, &receive, batch.get())).value());
      }
      call.sender.encoder().SetExpectedLoss(0.2);
      SpeechSource speech(call.sender.sample_rate_hz());
      std::vector<int16_t> samples(codec::SamplesPerFrame(call.sender.sample_rate_hz()));
      Timestamp sent_at = call.now;
      for (int i = 0; i < 150; ++i, sent_at += kTick) {
        // Speech, then silence, then a key, then speech.
        if (i >= 60 && i < 90)
          std::ranges::fill(samples, int16_t{0});
        else
          speech.Fill(samples);
        const auto packet = call.sender.Speak(samples);
        if (i >= 95 && i < 101) {
          call.network.Send(call.sender.Event(101, {5, i > 98, 10, 1600}, 77'000, i == 95), sent_at);
        } else if (packet) {
          call.network.Send(*packet, sent_at);
        }
      }
      struct Arrival {
        Bytes packet;
        Timestamp at;
      };
      std::vector<Arrival> arrivals;
      while (auto delivery = call.network.Receive(Timestamp::Infinite())) {
        arrivals.push_back({std::move(delivery->packet), delivery->at});
      }

      struct Sink final : pipeline::PacketSink {
        std::array<std::byte, pipeline::kMaxPacketBytes> buffer{};
        base::MutableByteSpan Reserve() override { return buffer; }
        void Commit(size_t) override {}
        void Abandon() override {}
      } sink;
      allocations = 0;
      is_counting = true;
      size_t next = 0;
      for (Timestamp tick = call.now; tick < sent_at + kTick * 10; tick += kTick) {
        for (; next < arrivals.size() && arrivals[next].at <= tick; ++next) {
          const auto view = rtp::RtpPacketView::Parse(arrivals[next].packet);
          (void)call.pipeline.Insert(*view, arrivals[next].at);
        }
        (void)call.pipeline.Tick(tick, sink);
        while (call.pipeline.PollEvent()) {
        }
      }
      call.pipeline.StartNewSource();
      call.pipeline.PlayTone(pipeline::Tone::kBusy);
      (void)call.pipeline.SendDtmf("1", kTick * 5, kTick * 5);
      (void)call.pipeline.Tick(sent_at + kTick * 10, sink);
      is_counting = false;
      EXPECT_EQ(allocations, 0u) << CodecName(receive.codec.codec) << " to " << CodecName(send.codec.codec);
      EXPECT_GT(call.pipeline.stats().packets_sent, 30u);
    }
  }
}

}  // namespace
}  // namespace byon::test
