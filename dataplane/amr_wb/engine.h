#pragma once

namespace byon::amr_wb {

struct EncodeJob;

// The seam between code for every CPU and code for one instruction set: files compiled for the latter
// may include nothing with inline functions that the linker could share with the rest.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual int lanes() const = 0;
  // At most lanes() jobs.
  virtual void Encode(EncodeJob* jobs, int count) = 0;
};

Engine* MakeEngineAvx2();
Engine* MakeEngineAvx512();

}  // namespace byon::amr_wb
