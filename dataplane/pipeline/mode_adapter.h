#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/time.h"
#include "dataplane/codec/codec_format.h"

namespace byon::pipeline {

// Chooses the highest AMR or AMR-WB mode that a lossy path bears, from the loss seen in intervals of
// some seconds: for the peer's encoder (told to it by CMR) or for ours (from its receiver reports).
// Down at once, up slowly, and slower after each step up that failed. Where less bit rate does not
// make the loss less, it is not congestion: the mode goes back to the best.
class ModeAdapter {
 public:
  // `modes`: bit i for mode i, not empty. Starts at the highest; the history is forgotten.
  void Start(codec::Codec codec, uint16_t modes);
  void Stop() { modes_ = 0; }
  bool is_on() const { return modes_ != 0; }

  // An interval that ended at `now` with this share of its packets lost, 0 to 1.
  void OnLoss(double share, base::Timestamp now);

  uint8_t mode() const { return mode_; }
  // Whether it has ever asked for less than the best.
  bool has_adapted() const { return has_adapted_; }

  static constexpr double kHighLoss = 0.03;    // a step down
  static constexpr double kSevereLoss = 0.10;  // two, and below the floor of mild loss
  static constexpr double kLowLoss = 0.01;     // a step up, when it has lasted
  // Between two steps down: the effect of the first has to be seen.
  static constexpr base::TimeDelta kSettle = base::TimeDelta::Seconds(4);
  static constexpr base::TimeDelta kLeastPatience = base::TimeDelta::Seconds(10);
  static constexpr base::TimeDelta kMostPatience = base::TimeDelta::Seconds(160);
  // After steps down that were of no use none is made for so long, doubling each time.
  static constexpr base::TimeDelta kLeastRefusal = base::TimeDelta::Seconds(60);
  static constexpr base::TimeDelta kMostRefusal = base::TimeDelta::Seconds(960);
  // Lowered this far or to the floor, and this much of what congestion would gain is missing: no use.
  static constexpr int kStepsToJudge = 2;
  static constexpr double kUselessShare = 0.7;

 private:
  void StepDown(double share, base::Timestamp now);
  void StepUp(base::Timestamp now);
  void GiveUp(base::Timestamp now);
  uint8_t Below(uint8_t mode) const;
  uint8_t Above(uint8_t mode) const;
  uint8_t FloorOf(double share) const;
  uint8_t best() const;

  codec::Codec codec_ = codec::Codec::kAmrWb;
  uint16_t modes_ = 0;
  uint8_t mode_ = 0;
  bool has_adapted_ = false;
  double loss_before_ = 0;  // at the first step down of a row
  int steps_ = 0;           // down, of that row
  base::TimeDelta patience_ = kLeastPatience;
  base::TimeDelta refusal_ = kLeastRefusal;
  std::optional<base::Timestamp> settled_at_;  // a step down is possible again
  std::optional<base::Timestamp> refused_until_;
  std::optional<base::Timestamp> calm_since_;  // low loss since
  std::optional<base::Timestamp> stepped_up_at_;
};

}  // namespace byon::pipeline
