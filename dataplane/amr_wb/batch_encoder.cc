#include "dataplane/amr_wb/batch_encoder.h"

#include <algorithm>

#include "dataplane/base/check.h"

namespace byon::amr_wb {

Engine::~Engine() = default;

bool IsSupported(InstructionSet instructions) {
  const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (instructions == InstructionSet::kAvx2) return has_avx2;
  return has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
}

std::optional<InstructionSet> BestInstructionSet() {
  if (IsSupported(InstructionSet::kAvx512)) return InstructionSet::kAvx512;
  if (IsSupported(InstructionSet::kAvx2)) return InstructionSet::kAvx2;
  return std::nullopt;
}

BatchEncoder::BatchEncoder(InstructionSet instructions) {
  BYON_CHECK(IsSupported(instructions), "the CPU has the instructions of the batch encoder");
  if (instructions == InstructionSet::kAvx512) {
    engine_.reset(MakeEngineAvx512());
    narrow_engine_.reset(MakeEngineAvx2());
  } else {
    engine_.reset(MakeEngineAvx2());
  }
}

int BatchEncoder::lanes() const { return engine_->lanes(); }

void BatchEncoder::Encode(std::span<EncodeJob> jobs) {
  while (!jobs.empty()) {
    const bool is_narrow = narrow_engine_ && jobs.size() <= static_cast<size_t>(narrow_engine_->lanes());
    Engine& engine = is_narrow ? *narrow_engine_ : *engine_;
    const size_t count = std::min(jobs.size(), static_cast<size_t>(engine.lanes()));
    engine.Encode(jobs.data(), static_cast<int>(count));
    jobs = jobs.subspan(count);
  }
}

}  // namespace byon::amr_wb
