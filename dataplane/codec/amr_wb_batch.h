#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/amr_wb/batch_encoder.h"
#include "dataplane/codec/amr_payload.h"

namespace byon::codec {

// The AMR-WB frames of one worker's calls, encoded together as soon as the first one's payload is
// asked for: the calls of a tick slot add theirs, then each takes its own. The frames are those of
// AmrLibraryEncoder, bit for bit. No allocation after construction; about 1 MB. The worker's thread
// only.
class AmrWbBatch {
 public:
  // One call's encoder, for life: it cannot go on from the library's, nor the library from it.
  class Call {
   public:
    explicit Call(bool use_dtx) { job_.use_dtx = use_dtx; }
    bool is_waiting() const { return is_waiting_; }

   private:
    friend class AmrWbBatch;
    amr_wb::CallState state_;
    amr_wb::EncodeJob job_{};
    bool is_waiting_ = false;
  };

  // Null where the CPU has no instructions for it: then the library has to do.
  static std::unique_ptr<AmrWbBatch> MakeForThisCpu();
  explicit AmrWbBatch(amr_wb::InstructionSet instructions) : encoder_(instructions) {}

  // Copies the next 20 ms of a call that is not waiting: 320 samples at 16 kHz; `mode` is 0 to 8.
  void Add(Call& call, std::span<const int16_t> samples, uint8_t mode);
  // The frame of a call that has added; encodes everything that waits if it still does.
  AmrFrame Take(Call& call);

  // Frames and passes of the encoder so far: their ratio is how full the lanes were.
  uint64_t frames() const { return frames_; }
  uint64_t passes() const { return passes_; }

 private:
  static constexpr size_t kCapacity = 64;  // a power of the lanes; more than that is encoded in parts

  static constexpr size_t kFrameSamples = 320;

  void EncodeAll();

  amr_wb::BatchEncoder encoder_;
  std::array<Call*, kCapacity> waiting_{};
  std::array<std::array<int16_t, kFrameSamples>, kCapacity> samples_;  // of those, as they came
  std::array<amr_wb::EncodeJob, kCapacity> jobs_{};
  size_t waiting_count_ = 0;
  uint64_t frames_ = 0;
  uint64_t passes_ = 0;
};

}  // namespace byon::codec
