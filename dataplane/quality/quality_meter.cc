#include "dataplane/quality/quality_meter.h"

#include <algorithm>

#include "dataplane/quality/codec_impairment.h"
#include "dataplane/quality/e_model.h"

namespace byon::quality {
namespace {

constexpr double kFrameMs = 20;
// Framing and look-ahead of encoder and decoder (AMR-WB: 20 ms and 5 ms, TS 26.171; Opus: 20 ms and
// 6.5 ms, RFC 6716 section 2).
constexpr double kCodingDelayMs = 26;

double Share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

StreamTotals Since(const StreamTotals& now, const StreamTotals& then) {
  return {now.frames_played - then.frames_played,       now.comfort_noise_frames - then.comfort_noise_frames,
          now.concealed_frames - then.concealed_frames, now.concealment_runs - then.concealment_runs,
          now.payload_bytes - then.payload_bytes,       now.packets - then.packets};
}

uint64_t SpeechFrames(const StreamTotals& totals) {
  return totals.frames_played - std::min(totals.frames_played, totals.comfort_noise_frames);
}

// Applies `f(to, from)` to every figure that has a mean.
template <typename F>
void ForEachFigure(QualityEstimate& to, const QualityEstimate& from, F&& f) {
  f(to.r_factor, from.r_factor);
  f(to.mos_listening, from.mos_listening);
  f(to.mos_conversational, from.mos_conversational);
  f(to.concealed_share, from.concealed_share);
  f(to.burst_ratio, from.burst_ratio);
  f(to.loss_rate, from.loss_rate);
  f(to.discard_rate, from.discard_rate);
  f(to.one_way_delay_ms, from.one_way_delay_ms);
}

struct Ratings {
  double rating;
  double mos;
};

Ratings Rate(const CodecImpairment& codec, double loss_percent, double burst_ratio, double delay_ms) {
  if (codec.is_wideband) {
    const double rating = WidebandRating({.absolute_delay_ms = delay_ms,
                                          .equipment_impairment = codec.equipment_impairment,
                                          .loss_robustness = codec.loss_robustness,
                                          .loss_percent = loss_percent,
                                          .burst_ratio = burst_ratio});
    return {std::clamp(rating, 0.0, kWidebandMaximum), WidebandMos(rating)};
  }
  // Echo is left at no delay, as on the wideband scale: both ends cancel it.
  const double rating = NarrowbandRating({.absolute_delay_ms = delay_ms,
                                          .equipment_impairment = codec.equipment_impairment,
                                          .loss_robustness = codec.loss_robustness,
                                          .loss_percent = loss_percent,
                                          .burst_ratio = burst_ratio});
  return {std::clamp(rating, 0.0, 100.0), NarrowbandMos(rating)};
}

}  // namespace

void QualityMeter::Update(const StreamTotals& totals, const StreamState& state, base::Timestamp now) {
  if (!interval_end_) {
    interval_end_ = now + kInterval;
    at_start_ = totals;
    return;
  }
  if (now < *interval_end_) return;
  interval_end_ = now + kInterval;
  const StreamTotals interval = Since(totals, at_start_);
  at_start_ = totals;
  const uint64_t frames = SpeechFrames(interval);
  if (frames < kLeastFrames) return;
  latest_ = Estimate(interval, state);
  worst_mos_ = worst_mos_ == 0 ? latest_->mos_conversational : std::min(worst_mos_, latest_->mos_conversational);
  Accumulate(*latest_, static_cast<double>(frames));
}

QualityEstimate QualityMeter::Estimate(const StreamTotals& interval, const StreamState& state) {
  const uint64_t frames = SpeechFrames(interval);
  QualityEstimate estimate;
  estimate.concealed_share = std::min(1.0, Share(interval.concealed_frames, frames));
  estimate.burst_ratio =
      BurstRatio(Share(interval.concealed_frames, interval.concealment_runs), estimate.concealed_share);
  estimate.loss_rate = interval.packets.loss_rate();
  estimate.discard_rate = interval.packets.discard_rate();
  estimate.one_way_delay_ms = (state.network_delay + state.playout_delay).seconds() * 1e3 + kCodingDelayMs;
  const double speech_seconds = static_cast<double>(frames) * kFrameMs / 1000;
  // Lost packets carried bits too.
  const double bitrate =
      static_cast<double>(interval.payload_bytes) * 8 / speech_seconds / std::max(0.1, 1 - estimate.loss_rate);
  const CodecImpairment codec = ImpairmentOf(state.codec, state.amr_mode, bitrate);
  const double loss_percent = estimate.concealed_share * 100;
  estimate.is_wideband = codec.is_wideband;
  estimate.mos_listening = Rate(codec, loss_percent, estimate.burst_ratio, 0).mos;
  const Ratings rated = Rate(codec, loss_percent, estimate.burst_ratio, estimate.one_way_delay_ms);
  estimate.r_factor = rated.rating;
  estimate.mos_conversational = rated.mos;
  return estimate;
}

void QualityMeter::Accumulate(const QualityEstimate& estimate, double frames) {
  ForEachFigure(sum_, estimate,
                [frames, this](double& sum, double value) { sum = (frames_ == 0 ? 0 : sum) + value * frames; });
  sum_.is_wideband = estimate.is_wideband;
  frames_ += frames;
}

std::optional<QualityEstimate> QualityMeter::call() const {
  if (frames_ == 0) return std::nullopt;
  QualityEstimate mean;
  mean.is_wideband = sum_.is_wideband;
  ForEachFigure(mean, sum_, [this](double& to, double sum) { to = sum / frames_; });
  return mean;
}

}  // namespace byon::quality
