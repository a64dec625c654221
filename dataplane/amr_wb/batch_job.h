#pragma once

#include <cstdint>

#include "dataplane/amr_wb/call_state.h"

namespace byon::amr_wb {

constexpr int kMaxFrameBytes = 61;

// One call's frame to encode: 320 samples at 16 kHz in; `size` bytes in storage format (RFC 4867
// section 5.3, with the byte of its table of contents) out.
struct EncodeJob {
  CallState* state;
  const int16_t* samples;
  int mode;  // 0 (6.60 kbit/s) to 8 (23.85 kbit/s)
  bool use_dtx;
  uint8_t frame[kMaxFrameBytes];
  int size;
};

}  // namespace byon::amr_wb
