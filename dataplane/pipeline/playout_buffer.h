#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/codec/time_scaler.h"

namespace byon::pipeline {

// Decoded samples between the decoder, which makes whole packets, and play-out, which takes 20 ms. It
// remembers a little of what was played, for time stretching. Allocates at construction only.
class PlayoutBuffer {
 public:
  // Holds up to `capacity_ms` at `max_rate_hz`.
  PlayoutBuffer(int max_rate_hz, int capacity_ms);

  // Empties the buffer for audio of another source or rate.
  void Restart(int sample_rate_hz);
  int sample_rate_hz() const { return sample_rate_hz_; }
  size_t size() const { return end_ - begin_; }

  // Room for new samples at the end, as much as is left, and how many of it were used.
  std::span<int16_t> Room();
  void Commit(size_t count) { end_ += count; }
  // Takes the oldest samples; size() holds at least that many.
  void Pop(std::span<int16_t> out);

  // Time scaling at the front; samples removed or inserted, 0 when it would be heard.
  size_t Compress(codec::TimeScaler::Urgency urgency);
  // Compresses what is left over behind the next 20 ms, and no more than that.
  size_t Trim();
  size_t Stretch(codec::TimeScaler::Urgency urgency);
  size_t min_compress_samples() const;

 private:
  static constexpr int kHistoryMs = 15;

  size_t HistorySamples() const { return static_cast<size_t>(sample_rate_hz_) * kHistoryMs / 1000; }
  void MoveToFront();

  std::vector<int16_t> samples_;  // [begin_ - history, begin_) played, [begin_, end_) to be played
  int sample_rate_hz_;
  codec::TimeScaler scaler_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace byon::pipeline
