#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/time.h"
#include "dataplane/codec/codec_format.h"
#include "dataplane/quality/packet_outcomes.h"

namespace byon::quality {

// Running totals of the stream that a leg receives; "frame" is 20 ms of audio.
struct StreamTotals {
  uint64_t frames_played = 0;  // comfort noise and concealment included
  uint64_t comfort_noise_frames = 0;
  uint64_t concealed_frames = 0;
  uint64_t concealment_runs = 0;  // concealed frames in a row count as one
  uint64_t payload_bytes = 0;
  PacketOutcomes::Totals packets;
};

// What is known besides: of the moment, not totals.
struct StreamState {
  codec::Codec codec = codec::Codec::kOpus;
  int amr_mode = -1;
  base::TimeDelta network_delay;  // one way: half the round trip, 0 while not known
  base::TimeDelta playout_delay;  // in the jitter buffer
};

// An estimate for some stretch of a call.
struct QualityEstimate {
  bool is_wideband = false;  // r_factor is on the scale to 129, else to 93.2
  double r_factor = 0;       // with delay
  double mos_listening = 1;  // without delay
  double mos_conversational = 1;
  double concealed_share = 0;  // of what was heard, 0 to 1
  double burst_ratio = 1;      // BurstR of the concealed frames
  double loss_rate = 0;        // of packets, 0 to 1
  double discard_rate = 0;
  double one_way_delay_ms = 0;  // network, jitter buffer and a frame's coding
};

// Turns the totals of a leg into an E-model estimate for every 5 s in which speech was played, and
// for the whole call.
class QualityMeter {
 public:
  static constexpr base::TimeDelta kInterval = base::TimeDelta::Seconds(5);
  // A stretch with less speech than this says nothing.
  static constexpr uint64_t kLeastFrames = 25;

  // Whether the interval is over, so that Update() is worth its totals.
  bool IsDue(base::Timestamp now) const { return !interval_end_ || now >= *interval_end_; }
  void Update(const StreamTotals& totals, const StreamState& state, base::Timestamp now);

  // Of the last interval that had speech; nothing before the first.
  const std::optional<QualityEstimate>& latest() const { return latest_; }
  // Speech-weighted mean of all intervals.
  std::optional<QualityEstimate> call() const;
  // The lowest conversational MOS of an interval; 0 before the first.
  double worst_mos() const { return worst_mos_; }

 private:
  static QualityEstimate Estimate(const StreamTotals& interval, const StreamState& state);
  void Accumulate(const QualityEstimate& estimate, double frames);

  std::optional<base::Timestamp> interval_end_;
  StreamTotals at_start_;  // of the interval
  std::optional<QualityEstimate> latest_;
  QualityEstimate sum_;  // times the frames of each interval
  double frames_ = 0;
  double worst_mos_ = 0;
};

}  // namespace byon::quality
