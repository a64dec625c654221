#include "dataplane/codec/amr_mode_control.h"

#include <bit>

#include "dataplane/codec/amr_payload.h"

namespace byon::codec {

AmrModeControl::AmrModeControl(Codec codec, const AmrParameters& parameters)
    : modes_(EffectiveModeSet(codec, parameters.mode_set)),
      period_(parameters.mode_change_period),
      neighbor_only_(parameters.mode_change_neighbor) {
  current_ = parameters.initial_mode.value_or(HighestAllowedUpTo(15));
  wanted_ = current_;
}

uint8_t AmrModeControl::HighestAllowedUpTo(uint8_t mode) const {
  const unsigned up_to = modes_ & ((2u << (mode & 15)) - 1);
  if (up_to == 0) return static_cast<uint8_t>(std::countr_zero(unsigned{modes_}));
  return static_cast<uint8_t>(std::bit_width(up_to) - 1);
}

void AmrModeControl::RequestMode(uint8_t mode) { wanted_ = HighestAllowedUpTo(mode); }

uint8_t AmrModeControl::NextMode() {
  const bool may_change = may_change_;
  may_change_ = period_ == 1 || !may_change_;
  if (!may_change || wanted_ == current_) return current_;
  if (!neighbor_only_) return current_ = wanted_;
  if (wanted_ < current_) {
    current_ = HighestAllowedUpTo(static_cast<uint8_t>(current_ - 1));
  } else {
    const unsigned above = modes_ & ~((2u << current_) - 1);
    current_ = static_cast<uint8_t>(std::countr_zero(above));
  }
  return current_;
}

}  // namespace byon::codec
