#include "dataplane/amr_wb/batch_encoder.h"

#include <gtest/gtest.h>
#include <vo-amrwbenc/enc_if.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "tests/dataplane/support/encoder_signal.h"

namespace byon::amr_wb {
namespace {

using Samples = std::array<int16_t, kFrame16k>;

// A call encoded twice: in a batch, and by the library, whose frames the batch has to give.
class ComparedCall {
 public:
  explicit ComparedCall(int kind) : signal_(kind), library_(E_IF_init(), &E_IF_exit) {}

  EncodeJob NextJob(int mode, bool use_dtx) {
    signal_.Fill(samples_);
    return JobOf(mode, use_dtx);
  }
  EncodeJob HomingJob(int mode, bool use_dtx) {
    samples_.fill(8);
    return JobOf(mode, use_dtx);
  }
  // Frames that differ so far.
  int Compare(const EncodeJob& job) {
    std::array<uint8_t, 64> frame{};
    const int size = E_IF_encode(library_.get(), job.mode, samples_.data(), frame.data(), job.use_dtx ? 1 : 0);
    const bool is_same = size == job.size && std::equal(job.frame, job.frame + size, frame.begin());
    if (size < 10) ++silent_frames_;
    return differing_ += is_same ? 0 : 1;
  }
  int silent_frames() const { return silent_frames_; }

 private:
  EncodeJob JobOf(int mode, bool use_dtx) {
    return {.state = &state_, .samples = samples_.data(), .mode = mode, .use_dtx = use_dtx};
  }

  test::EncoderSignal signal_;
  std::unique_ptr<void, void (*)(void*)> library_;
  CallState state_;
  Samples samples_{};
  int differing_ = 0;
  int silent_frames_ = 0;
};

class BatchEncoderTest : public testing::TestWithParam<InstructionSet> {
 protected:
  void SetUp() override {
    if (!IsSupported(GetParam())) GTEST_SKIP() << "this CPU does not have the instructions";
    encoder_ = std::make_unique<BatchEncoder>(GetParam());
  }
  std::vector<std::unique_ptr<ComparedCall>> MakeCalls(int count) {
    std::vector<std::unique_ptr<ComparedCall>> calls;
    for (int i = 0; i < count; ++i) {
      calls.push_back(std::make_unique<ComparedCall>(i % test::EncoderSignal::kKinds));
    }
    return calls;
  }
  std::unique_ptr<BatchEncoder> encoder_;
};

TEST_P(BatchEncoderTest, GivesTheLibrarysFramesInEveryMode) {
  for (int mode = 0; mode < kModes; ++mode) {
    for (const bool use_dtx : {false, true}) {
      auto calls = MakeCalls(encoder_->lanes());
      for (int frame = 0; frame < 24; ++frame) {
        std::vector<EncodeJob> jobs;
        for (auto& call : calls) jobs.push_back(call->NextJob(mode, use_dtx));
        encoder_->Encode(jobs);
        for (size_t i = 0; i < jobs.size(); ++i) {
          ASSERT_EQ(calls[i]->Compare(jobs[i]), 0)
              << "mode " << mode << ", DTX " << use_dtx << ", call " << i << ", frame " << frame;
        }
      }
    }
  }
}

// Every call with a mode of its own that changes, some with DTX, calls that pause, more calls than
// lanes and passes that are not full, so that calls also go from one instruction set to the other.
TEST_P(BatchEncoderTest, CallsComeAndGoWithModesOfTheirOwn) {
  auto calls = MakeCalls(encoder_->lanes() + 5);
  const int count = static_cast<int>(calls.size());
  for (int frame = 0; frame < 60; ++frame) {
    std::vector<EncodeJob> jobs;
    std::vector<ComparedCall*> callers;
    for (int i = 0; i < count; ++i) {
      if ((i * 7 + frame / 9) % 4 == 0) continue;
      callers.push_back(calls[static_cast<size_t>(i)].get());
      jobs.push_back(callers.back()->NextJob((i + frame / 13) % kModes, (i + frame / 40) % 2 == 0));
    }
    encoder_->Encode(jobs);
    for (size_t i = 0; i < jobs.size(); ++i) {
      ASSERT_EQ(callers[i]->Compare(jobs[i]), 0) << "job " << i << ", frame " << frame;
    }
  }
}

TEST_P(BatchEncoderTest, SilenceIsDescribedAndThenNotSent) {
  ComparedCall call(6);
  for (int frame = 0; frame < 150; ++frame) {
    EncodeJob job = call.NextJob(2, true);
    encoder_->Encode({&job, 1});
    ASSERT_EQ(call.Compare(job), 0) << "frame " << frame;
  }
  EXPECT_GT(call.silent_frames(), 60);
}

// TS 26.173: after a homing frame an encoder is as new.
TEST_P(BatchEncoderTest, AHomingFrameBringsItBack) {
  ComparedCall call(0);
  for (int frame = 0; frame < 60; ++frame) {
    EncodeJob job = frame % 20 == 19 ? call.HomingJob(8, true) : call.NextJob(8, true);
    encoder_->Encode({&job, 1});
    ASSERT_EQ(call.Compare(job), 0) << "frame " << frame;
  }
}

INSTANTIATE_TEST_SUITE_P(Instructions, BatchEncoderTest,
                         testing::Values(InstructionSet::kAvx2, InstructionSet::kAvx512),
                         [](const auto& test) { return test.param == InstructionSet::kAvx2 ? "Avx2" : "Avx512"; });

}  // namespace
}  // namespace byon::amr_wb
