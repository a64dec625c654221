#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/base/time.h"

namespace byon::jitter {

// How long to hold packets back so that few come too late: a quantile of the histogram of their delays
// against the fastest, in which old packets are slowly forgotten. Packets that others overtook are weighed
// apart: for them the delay is what 20 ms a percent of saved loss pay for.
class PlayoutDelayEstimator {
 public:
  PlayoutDelayEstimator() { Reset(); }

  // `relative_delay`: of a packet that arrived, late ones too, against the fastest.
  void OnPacket(base::TimeDelta relative_delay);
  // Of a packet that came behind a later one.
  void OnReorderedPacket(base::TimeDelta relative_delay);
  base::TimeDelta target() const { return target_; }
  // The highest target of the last 3 to 4 s of packets: to give up delay only when it stays unneeded.
  base::TimeDelta recent_peak() const;
  // Whether the first guess is outweighed: what came too late before that is heard of in the target.
  bool has_learnt() const { return packets_ >= kLearntPackets; }
  // Back to the first guess.
  void Reset();

  static constexpr base::TimeDelta kBucket = base::TimeDelta::Milliseconds(5);
  static constexpr size_t kBuckets = 80;  // to 400 ms
  // 3 % of the packets may come later than the target; most of them still find room in the 20 ms of
  // the tick, and each that does not makes play-out wait for it.
  static constexpr double kQuantile = 0.97;
  // A packet's share when the histogram is full: 300 packets, 6 s of speech. One stall of up to 100 ms
  // stays below 1 - kQuantile and so costs no delay afterwards.
  static constexpr double kForget = 1.0 / 300;
  static constexpr uint32_t kLearntPackets = 100;  // 2 s
  static constexpr base::TimeDelta kFirstTarget = base::TimeDelta::Milliseconds(20);
  // The delay that one percent of packets is worth, and the memory of who was overtaken: half a minute.
  static constexpr base::TimeDelta kDelayPerLossPercent = base::TimeDelta::Milliseconds(20);
  static constexpr float kForgetReordered = 0.0007f;
  static constexpr float kForgetReorderedLately = 0.01f;
  static constexpr float kNegligible = 1e-4f;  // of all packets

 private:
  static constexpr size_t kPeakPanes = 4;
  static constexpr uint32_t kPanePackets = 50;

  float ForgetReordered();
  void UpdateTarget();
  void UpdatePeak();
  base::TimeDelta CheapestForReordered() const;

  std::array<float, kBuckets> share_{};      // sums to 1
  std::array<float, kBuckets> reordered_{};  // shares of all packets; sums to less than 1
  float reordered_share_ = 0;                // their sum
  float reordered_lately_ = 0;               // the same of the last hundred packets
  uint32_t packets_weighed_ = 0;
  uint32_t packets_ = 0;  // until the histogram is full
  base::TimeDelta target_;
  std::array<base::TimeDelta, kPeakPanes> pane_peaks_;
  size_t pane_ = 0;
  uint32_t packets_in_pane_ = 0;
};

}  // namespace byon::jitter
