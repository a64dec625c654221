#pragma once

#include <cstdint>

#include "dataplane/codec/codec_format.h"

namespace byon::codec {

// Chooses the mode of each frame we encode within what the peer allows: mode-set, mode-change-period
// and mode-change-neighbor (RFC 4867 section 8.1) and its codec mode requests (section 4.3.1).
class AmrModeControl {
 public:
  AmrModeControl(Codec codec, const AmrParameters& parameters);

  // The peer asks for `mode`: the highest allowed mode not above it is headed for, or the lowest one.
  void RequestMode(uint8_t mode);
  // The mode of the next frame-block. Called once for each, in order.
  uint8_t NextMode();
  uint8_t current() const { return current_; }

 private:
  uint8_t HighestAllowedUpTo(uint8_t mode) const;

  uint16_t modes_;
  uint8_t period_;
  bool neighbor_only_;
  uint8_t current_ = 0;
  uint8_t wanted_ = 0;
  bool may_change_ = true;  // with period 2: every other block, counted from the first
};

}  // namespace byon::codec
