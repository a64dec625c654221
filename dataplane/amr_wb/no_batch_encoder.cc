// For CPUs that have no engine: there is no instruction set to make a batch encoder with.
#include "dataplane/amr_wb/batch_encoder.h"
#include "dataplane/base/check.h"

namespace byon::amr_wb {

Engine::~Engine() = default;

bool IsSupported(InstructionSet) { return false; }
std::optional<InstructionSet> BestInstructionSet() { return std::nullopt; }

BatchEncoder::BatchEncoder(InstructionSet) { BYON_CHECK(false, "the CPU has the instructions of the batch encoder"); }
int BatchEncoder::lanes() const { return 0; }
void BatchEncoder::Encode(std::span<EncodeJob>) {}

}  // namespace byon::amr_wb
