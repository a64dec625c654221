#include "dataplane/amr_wb/batch_encoder.h"

#include <algorithm>

#include "dataplane/base/check.h"

namespace byon::amr_wb {

Engine::~Engine() = default;

bool IsSupported(InstructionSet instructions) {
  if (instructions == InstructionSet::kAvx2) return __builtin_cpu_supports("avx2") != 0;
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512cd");
}

std::optional<InstructionSet> BestInstructionSet() {
  if (IsSupported(InstructionSet::kAvx512)) return InstructionSet::kAvx512;
  if (IsSupported(InstructionSet::kAvx2)) return InstructionSet::kAvx2;
  return std::nullopt;
}

BatchEncoder::BatchEncoder(InstructionSet instructions) {
  BYON_CHECK(IsSupported(instructions), "the CPU has the instructions of the batch encoder");
  engine_.reset(instructions == InstructionSet::kAvx512 ? MakeEngineAvx512() : MakeEngineAvx2());
}

int BatchEncoder::lanes() const { return engine_->lanes(); }

void BatchEncoder::Encode(std::span<EncodeJob> jobs) {
  const size_t lanes = static_cast<size_t>(engine_->lanes());
  while (!jobs.empty()) {
    const size_t count = std::min(jobs.size(), lanes);
    engine_->Encode(jobs.data(), static_cast<int>(count));
    jobs = jobs.subspan(count);
  }
}

}  // namespace byon::amr_wb
