#include "dataplane/pipeline/mode_adapter.h"

#include <algorithm>
#include <array>
#include <bit>

namespace byon::pipeline {
namespace {

// Below these a codec costs more than a few lost frames (G.113: Ie,WB 13 at 12.65 kbit/s, 26 and 41
// below it; IS-641, which is 7.40, has 10).
constexpr uint8_t kMildFloorWideband = 2;
constexpr uint8_t kMildFloorNarrowband = 4;

// kbit/s of the modes (TS 26.171, TS 26.071).
constexpr std::array<double, 9> kWidebandRates{6.6, 8.85, 12.65, 14.25, 15.85, 18.25, 19.85, 23.05, 23.85};
constexpr std::array<double, 8> kNarrowbandRates{4.75, 5.15, 5.9, 6.7, 7.4, 7.95, 10.2, 12.2};

double RateOf(codec::Codec codec, uint8_t mode) {
  return codec == codec::Codec::kAmrWb ? kWidebandRates[std::min<size_t>(mode, kWidebandRates.size() - 1)]
                                       : kNarrowbandRates[std::min<size_t>(mode, kNarrowbandRates.size() - 1)];
}

}  // namespace

void ModeAdapter::Start(codec::Codec codec, uint16_t modes) {
  *this = ModeAdapter();
  codec_ = codec;
  modes_ = modes;
  mode_ = best();
}

uint8_t ModeAdapter::best() const {
  return modes_ == 0 ? uint8_t{0} : static_cast<uint8_t>(std::bit_width(unsigned{modes_}) - 1);
}

// The next lower mode of the set, or the same.
uint8_t ModeAdapter::Below(uint8_t mode) const {
  const unsigned below = modes_ & ((1u << mode) - 1);
  return below == 0 ? mode : static_cast<uint8_t>(std::bit_width(below) - 1);
}

uint8_t ModeAdapter::Above(uint8_t mode) const {
  const unsigned above = modes_ & ~((2u << mode) - 1);
  return above == 0 ? mode : static_cast<uint8_t>(std::countr_zero(above));
}

uint8_t ModeAdapter::FloorOf(double share) const {
  if (share >= kSevereLoss) return 0;
  return codec_ == codec::Codec::kAmrWb ? kMildFloorWideband : kMildFloorNarrowband;
}

void ModeAdapter::OnLoss(double share, base::Timestamp now) {
  if (!is_on()) return;
  if (share >= kHighLoss) {
    calm_since_.reset();
    StepDown(share, now);
    return;
  }
  if (share >= kLowLoss) {
    calm_since_.reset();
    return;
  }
  steps_ = 0;
  if (!calm_since_) calm_since_ = now;
  if (now - *calm_since_ >= patience_) StepUp(now);
}

void ModeAdapter::StepDown(double share, base::Timestamp now) {
  if (refused_until_ && now < *refused_until_) return;
  if (settled_at_ && now < *settled_at_) return;
  const bool is_judged =
      steps_ >= kStepsToJudge || (steps_ > 0 && Below(mode_) < FloorOf(share)) || (steps_ > 0 && Below(mode_) == mode_);
  // What a path that drops all above its capacity would lose at the present rate.
  uint8_t before = mode_;
  for (int i = 0; i < steps_; ++i) before = Above(before);
  const double predicted = std::max(0.0, 1 - (1 - loss_before_) * RateOf(codec_, before) / RateOf(codec_, mode_));
  const double missing = share - predicted;
  if (is_judged && missing >= (loss_before_ - predicted) * kUselessShare) return GiveUp(now);
  // A step up that brought the loss: the next one is longer in coming.
  const bool is_failed_try = stepped_up_at_ && now - *stepped_up_at_ < patience_;
  if (is_failed_try) patience_ = std::min(patience_ * 2, kMostPatience);
  stepped_up_at_.reset();
  const int wanted = share >= kSevereLoss && !is_failed_try ? 2 : 1;
  for (int i = 0; i < wanted; ++i) {
    const uint8_t below = Below(mode_);
    if (below == mode_ || below < FloorOf(share)) break;
    if (steps_ == 0) loss_before_ = share;
    mode_ = below;
    ++steps_;
    has_adapted_ = true;
  }
  settled_at_ = now + kSettle;
}

void ModeAdapter::StepUp(base::Timestamp now) {
  calm_since_ = now;
  if (mode_ == best()) {
    patience_ = std::max(patience_ / 2, kLeastPatience);
    refusal_ = kLeastRefusal;
    return;
  }
  mode_ = Above(mode_);
  stepped_up_at_ = now;
}

void ModeAdapter::GiveUp(base::Timestamp now) {
  mode_ = best();
  steps_ = 0;
  refused_until_ = now + refusal_;
  refusal_ = std::min(refusal_ * 2, kMostRefusal);
  settled_at_.reset();
  stepped_up_at_.reset();
}

}  // namespace byon::pipeline
