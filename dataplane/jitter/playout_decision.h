#pragma once

#include <cstdint>

#include "dataplane/base/bytes.h"
#include "dataplane/base/time.h"

namespace byon::jitter {

// What to play next.
enum class PlayoutDecision : uint8_t {
  kNothing,       // no stream, or it has stopped
  kNormal,        // decode `payload`
  kConceal,       // the packet is lost, or late (`may_come`): replace `duration`, from `redundancy` if there is any
  kComfortNoise,  // the sender is silent: `duration` of it
};

// The payload spans stay good until the next call of the JitterBuffer.
struct PlayoutFrame {
  PlayoutDecision decision = PlayoutDecision::kNothing;
  uint8_t payload_type = 0;
  uint32_t duration = 0;  // clock units of the decision
  base::ByteSpan payload;
  uint32_t skip = 0;        // clock units at the front of `payload` that were played already
  base::Timestamp arrival;  // of `payload`
  bool is_part = false;     // `payload` goes on behind `duration`: more of it follows
  bool is_rest = false;     // it was begun before
  bool is_copy = false;     // `payload` came in a later packet: its own was lost
  bool may_come = false;    // kConceal: nobody knows yet whether it is lost; if it comes it is played next
  // Clock units just before this, given out with `may_come`, that are lost after all.
  uint32_t lost_before = 0;
  bool is_behind_loss = false;  // `payload` begins where that ends: no pause lies between
  // kConceal without knowing for what, half a second at most: the next frame that is not undecided tells how many
  // clock units of it were the sender's silence after all.
  bool is_undecided = false;
  uint32_t silent_before = 0;
  base::ByteSpan redundancy;    // the payload that follows the lost one and repeats it
  base::ByteSpan next_payload;  // kConceal: what comes right behind it, when that is known
};

// How play-out should change its speed.
enum class TimeAdjustment : uint8_t {
  kNone,
  kTrim,              // what is left over behind this tick, where it is not heard
  kAccelerate,        // where it is not heard
  kAccelerateSoon,    // behind: where it is hardly heard
  kAccelerateForced,  // far behind: even if it is heard
  kExpand,            // where it is not heard
};

}  // namespace byon::jitter
