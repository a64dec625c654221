#include "dataplane/codec/amr_wb_batch.h"

#include <algorithm>

#include "dataplane/base/check.h"

namespace byon::codec {

std::unique_ptr<AmrWbBatch> AmrWbBatch::MakeForThisCpu() {
  const auto instructions = amr_wb::BestInstructionSet();
  return instructions ? std::make_unique<AmrWbBatch>(*instructions) : nullptr;
}

void AmrWbBatch::Add(Call& call, std::span<const int16_t> samples, uint8_t mode) {
  BYON_CHECK(samples.size() == kFrameSamples, "AMR-WB frames have 320 samples");
  BYON_CHECK(!call.is_waiting_, "a call has one frame in a batch");
  if (waiting_count_ == kCapacity) EncodeAll();
  std::ranges::copy(samples, samples_[waiting_count_].begin());
  call.job_.samples = samples_[waiting_count_].data();
  call.job_.mode = mode;
  call.is_waiting_ = true;
  waiting_[waiting_count_++] = &call;
}

AmrFrame AmrWbBatch::Take(Call& call) {
  if (call.is_waiting_) EncodeAll();
  const std::span<const uint8_t> frame(call.job_.frame, static_cast<size_t>(call.job_.size));
  return FromAmrStorage(Codec::kAmrWb, frame).value_or(AmrFrame{});
}

void AmrWbBatch::EncodeAll() {
  // A pass searches the codebook of every mode it meets: those of one mode side by side.
  const std::span calls = std::span(waiting_).first(waiting_count_);
  std::ranges::sort(calls, {}, [](const Call* call) { return call->job_.mode; });
  for (size_t i = 0; i < calls.size(); ++i) {
    jobs_[i] = calls[i]->job_;
    jobs_[i].state = &calls[i]->state_;
  }
  encoder_.Encode(std::span(jobs_).first(calls.size()));
  for (size_t i = 0; i < calls.size(); ++i) {
    std::copy_n(jobs_[i].frame, jobs_[i].size, calls[i]->job_.frame);
    calls[i]->job_.size = jobs_[i].size;
    calls[i]->is_waiting_ = false;
  }
  const auto lanes = static_cast<size_t>(encoder_.lanes());
  frames_ += calls.size();
  passes_ += (calls.size() + lanes - 1) / lanes;
  waiting_count_ = 0;
}

}  // namespace byon::codec
