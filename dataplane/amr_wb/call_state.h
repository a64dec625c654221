#pragma once

#include <cstdint>

#include "dataplane/amr_wb/coder_memory.h"
#include "dataplane/amr_wb/comfort_noise.h"

namespace byon::amr_wb {

// Decides what a frame without voice becomes on the air: SID or nothing (TS 26.193 section 5.1).
class SilenceTransmission {
 public:
  enum class Frame : uint8_t { kSpeech, kSidFirst, kSidUpdate, kNoData };

  Frame Next(bool is_speech);

 private:
  int frames_to_update_ = 3;
  Frame last_ = Frame::kSpeech;
};

// Everything one call's encoder remembers. It belongs to the call, not to a lane: a batch borrows
// it for a frame.
struct CallState {
  CallState();

  CoderMemory<int32_t> memory{};
  ComfortNoise noise;
  SilenceTransmission transmission;
};

// Writes a frame in storage format (RFC 4867 section 5.3) and returns its size; `mode` is the mode
// of the speech around a SID. At most 61 bytes.
int PackFrame(SilenceTransmission::Frame kind, int mode, FrameBits& bits, uint8_t* out);

// The frame that sends an encoder back to its start (TS 26.173 section 4.3).
bool IsHomingFrame(const int16_t* samples);

}  // namespace byon::amr_wb
