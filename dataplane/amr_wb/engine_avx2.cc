#include "dataplane/amr_wb/engine.h"
#include "dataplane/amr_wb/frame_coder.h"
#include "dataplane/amr_wb/lanes_avx2.h"

namespace byon::amr_wb {
namespace {

class EngineAvx2 final : public Engine {
 public:
  int lanes() const override { return Lanes8::kLanes; }
  void Encode(EncodeJob* jobs, int count) override { coder_.Encode(jobs, count); }

 private:
  FrameCoder<Lanes8> coder_;
};

}  // namespace

Engine* MakeEngineAvx2() { return new EngineAvx2; }

}  // namespace byon::amr_wb
