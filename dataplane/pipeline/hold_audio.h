#pragma once

#include <cstdint>

#include "dataplane/base/random.h"
#include "dataplane/codec/audio_frame.h"
#include "dataplane/pipeline/audio_clip.h"

namespace byon::pipeline {

// What a leg is sent in place of the other leg's audio.
struct HoldAudio {
  enum class Kind : uint8_t { kNone, kSilence, kComfortNoise, kAnnouncement };

  Kind kind = Kind::kNone;
  const AudioClip* clip = nullptr;  // of kAnnouncement; looped
  bool only_when_silent = false;    // not while audio of the other leg is there to be played
  bool operator==(const HoldAudio&) const = default;
};

// Makes it frame by frame.
class HoldAudioSource {
 public:
  explicit HoldAudioSource(uint64_t random_seed) : random_(random_seed) {}

  // What is set again plays on where it is.
  void Set(const HoldAudio& audio);
  // Whether it is to be sent in a tick in which the other leg had audio or not.
  bool IsWanted(bool has_audio);
  // Whether it is sent even while the other leg has audio.
  bool is_always_wanted() const { return audio_.kind != HoldAudio::Kind::kNone && !audio_.only_when_silent; }
  // Fills the frame, whose rate is set.
  void Fill(codec::AudioFrame& frame);

 private:
  void FillNoise(codec::AudioFrame& frame);

  HoldAudio audio_;
  ClipPlayer player_;
  base::Random random_;
  float noise_ = 0;            // state of the low-pass
  uint32_t silent_ticks_ = 0;  // saturates
};

}  // namespace byon::pipeline
