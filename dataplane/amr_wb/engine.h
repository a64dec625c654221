#pragma once

namespace byon::amr_wb {

struct EncodeJob;

// The seam between code for every CPU and code for one instruction set. What the latter's files
// include has no inline function but templates on their own Lanes: the linker keeps one copy of an
// inline function, and that could be one that other CPUs cannot run. Hence no unique_ptr here.
class Engine {
 public:
  virtual ~Engine();
  virtual int lanes() const = 0;
  // At most lanes() jobs.
  virtual void Encode(EncodeJob* jobs, int count) = 0;
};

Engine* MakeEngineAvx2();
Engine* MakeEngineAvx512();

}  // namespace byon::amr_wb
