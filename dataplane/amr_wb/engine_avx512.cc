#include "dataplane/amr_wb/engine.h"
#include "dataplane/amr_wb/frame_coder.h"
#include "dataplane/amr_wb/lanes_avx512.h"

namespace byon::amr_wb {
namespace {

class EngineAvx512 final : public Engine {
 public:
  int lanes() const override { return Lanes16::kLanes; }
  void Encode(EncodeJob* jobs, int count) override { coder_.Encode(jobs, count); }

 private:
  FrameCoder<Lanes16> coder_;
};

}  // namespace

Engine* MakeEngineAvx512() { return new EngineAvx512; }

}  // namespace byon::amr_wb
