#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dataplane/ice/drop_reason.h"
#include "dataplane/pipeline/drop_reason.h"
#include "dataplane/rtp/drop_reason.h"
#include "dataplane/session/drop_reason.h"
#include "dataplane/srtp/drop_reason.h"

namespace byon::session {

// How many packets died of which reason, of all rooms a packet passes: one flat array.
class DropCounters {
 public:
  static constexpr size_t kIceOffset = kDropReasonCount;
  static constexpr size_t kRtpOffset = kIceOffset + ice::kDropReasonCount;
  static constexpr size_t kSrtpOffset = kRtpOffset + rtp::kDropReasonCount;
  static constexpr size_t kPipelineOffset = kSrtpOffset + srtp::kDropReasonCount;
  static constexpr size_t kSize = kPipelineOffset + pipeline::kDropReasonCount;

  static constexpr size_t IndexOf(DropReason reason) { return static_cast<size_t>(reason); }
  static constexpr size_t IndexOf(ice::DropReason reason) { return kIceOffset + static_cast<size_t>(reason); }
  static constexpr size_t IndexOf(rtp::DropReason reason) { return kRtpOffset + static_cast<size_t>(reason); }
  static constexpr size_t IndexOf(srtp::DropReason reason) { return kSrtpOffset + static_cast<size_t>(reason); }
  static constexpr size_t IndexOf(pipeline::DropReason reason) { return kPipelineOffset + static_cast<size_t>(reason); }
  // The counter's name in stats and metrics: "session_unknown_port", "ice_bad_integrity".
  static std::string_view Name(size_t index);

  template <typename Reason>
  void Count(Reason reason, uint64_t times = 1) {
    counts_[IndexOf(reason)] += times;
  }
  template <typename Reason>
  uint64_t of(Reason reason) const {
    return counts_[IndexOf(reason)];
  }
  uint64_t at(size_t index) const { return counts_[index]; }
  uint64_t total() const {
    uint64_t sum = 0;
    for (const uint64_t count : counts_) sum += count;
    return sum;
  }
  DropCounters& operator+=(const DropCounters& other) {
    for (size_t i = 0; i < kSize; ++i) counts_[i] += other.counts_[i];
    return *this;
  }

 private:
  std::array<uint64_t, kSize> counts_{};
};

}  // namespace byon::session
