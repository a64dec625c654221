#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace byon::perf {

// Two people who take turns of three seconds, in a quiet room.
class Conversation {
 public:
  // `files`: 16-bit mono at 48 kHz; without one a made-up voice speaks. Nothing of a file that
  // cannot be read is heard: see is_complete().
  explicit Conversation(const std::vector<std::string>& files);
  bool is_complete() const { return is_complete_; }

  // 24 s of what one of the two (0 or 1) says, at 8, 16 or 48 kHz.
  std::vector<int16_t> At(int person, int sample_rate_hz) const;

 private:
  std::vector<int16_t> speech_;  // 48 kHz
  bool is_complete_ = true;
};

}  // namespace byon::perf
