#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/time.h"
#include "dataplane/codec/audio_frame.h"

namespace byon::pipeline {

// Recorded audio ready for every encoder: mono at 8, 16 and 48 kHz, resampled once when it is made.
// Constant afterwards, so that workers read it without a lock; it must outlive them.
class AudioClip {
 public:
  // `samples` at 8000, 16000 or 48000 Hz. Allocates.
  AudioClip(std::span<const int16_t> samples, int sample_rate_hz);

  // Empty for any other rate.
  std::span<const int16_t> At(int sample_rate_hz) const;
  base::TimeDelta duration() const;

 private:
  std::vector<int16_t> narrow_;  // 8 kHz
  std::vector<int16_t> wide_;    // 16 kHz
  std::vector<int16_t> full_;    // 48 kHz
};

// All announcements of a node by name; filled at start, constant afterwards.
using AnnouncementSet = std::map<std::string, AudioClip, std::less<>>;

// Plays a clip frame by frame.
class ClipPlayer {
 public:
  // The clip must outlive the playing. Null stops.
  void Start(const AudioClip* clip, bool loop);
  bool is_on() const { return clip_ != nullptr; }
  const AudioClip* clip() const { return clip_; }
  // Fills the frame, whose rate is set. False when the clip has come to its end in it; the rest of
  // the frame is silence then. A change of rate goes on at the same time.
  bool Fill(codec::AudioFrame& frame);

 private:
  const AudioClip* clip_ = nullptr;
  bool is_looped_ = false;
  int64_t position_us_ = 0;
};

}  // namespace byon::pipeline
