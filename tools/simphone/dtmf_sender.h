#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "dataplane/rtp/telephone_event.h"

namespace byon::simphone {

// Plays digits as telephone-events (RFC 4733 section 2.5): an update every 20 ms, three end packets
// at one instant, a gap between digits.
class DtmfSender {
 public:
  void Queue(const std::string& digits, int duration_ms, int gap_ms);

  struct Report {
    rtp::TelephoneEvent event;
    bool is_first = false;      // carries the marker bit
    uint32_t start_offset = 0;  // how many units ago the event began
    int copies = 1;
  };
  // What to send in this 20 ms tick instead of audio; nullopt: audio. `units` is 20 ms of the
  // clock.
  std::optional<Report> Tick(uint32_t units);

 private:
  struct Digit {
    uint8_t event;
    int ticks_left;
    int gap_ticks;
    uint32_t elapsed_units = 0;
  };
  std::deque<Digit> digits_;
};

}  // namespace byon::simphone
