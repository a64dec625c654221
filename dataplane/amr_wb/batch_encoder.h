#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "dataplane/amr_wb/batch_job.h"
#include "dataplane/amr_wb/engine.h"

namespace byon::amr_wb {

enum class InstructionSet : uint8_t { kAvx2, kAvx512 };

// The widest this CPU has; nothing where it has neither: then vo-amrwbenc has to do.
std::optional<InstructionSet> BestInstructionSet();
bool IsSupported(InstructionSet instructions);

// Encodes AMR-WB frames of many calls at once, one call a SIMD lane; the frames are vo-amrwbenc's,
// bit for bit. The memory of a call is its CallState, so any call can be in any batch. One thread
// at a time; no allocation after the constructor. About 1 MB, and up to 256 KB of the caller's
// stack.
class BatchEncoder {
 public:
  // `instructions` must be supported. With AVX-512 eight calls or fewer take AVX2, whose pass is
  // shorter.
  explicit BatchEncoder(InstructionSet instructions);

  // Calls that are encoded together at the cost of one pass.
  int lanes() const;

  // Encodes one frame of each job, every one of another call. Jobs of the same mode should stand
  // beside each other: a pass searches the codebook of every mode it meets.
  void Encode(std::span<EncodeJob> jobs);

 private:
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Engine> narrow_engine_;  // for what fills no more than half of the lanes, if any
};

}  // namespace byon::amr_wb
