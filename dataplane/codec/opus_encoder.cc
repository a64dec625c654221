#include "dataplane/codec/opus_encoder.h"

#include <opus/opus.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "dataplane/base/check.h"

namespace byon::codec {
namespace {

// Mono wideband speech is transparent to most ears here; RFC 7587 section 3.1.1 names 16 to 20 kbit/s
// for wideband and 28 to 40 for fullband speech.
constexpr int kDefaultBitrateBps = 32'000;
constexpr int kMaxExpectedLossPercent = 30;
// Makes up for the least effort (complexity 0) of adaptive coding, at hardly any CPU.
constexpr int kLeastEffortBitrateBps = 40'000;
// With the least effort libopus 1.3.1 takes 32 kbit/s of wideband for less, too little for redundancy when 3 to 5 % are
// lost; below this rate it has to be told of more.
constexpr int kEnoughToRepeatBps = 36'000;
constexpr int kLeastLossPercentToRepeat = 6;
// CELT has no model of speech and needs more for the same sound.
constexpr int kTransformBitrateBps = 64'000;
constexpr int kMinTransformBitrateBps = 48'000;
constexpr int kQuietSeconds = 10;  // without loss, before CELT comes back

int BandwidthFor(uint32_t playback_rate_hz) {
  if (playback_rate_hz <= 8000) return OPUS_BANDWIDTH_NARROWBAND;
  if (playback_rate_hz <= 12'000) return OPUS_BANDWIDTH_MEDIUMBAND;
  if (playback_rate_hz <= 16'000) return OPUS_BANDWIDTH_WIDEBAND;
  if (playback_rate_hz <= 24'000) return OPUS_BANDWIDTH_SUPERWIDEBAND;
  return OPUS_BANDWIDTH_FULLBAND;
}

}  // namespace

void OpusAudioEncoder::Deleter::operator()(::OpusEncoder* encoder) const { opus_encoder_destroy(encoder); }

OpusAudioEncoder::OpusAudioEncoder(const CodecFormat& format, int sample_rate_hz)
    : sample_rate_hz_(sample_rate_hz),
      samples_per_packet_(SamplesPerFrame(sample_rate_hz) * format.ptime_ms / kFrameMs) {
  if (samples_per_packet_ > SamplesPerFrame(sample_rate_hz)) pending_.resize(samples_per_packet_);
  int error = OPUS_OK;
  encoder_.reset(opus_encoder_create(sample_rate_hz, 1, OPUS_APPLICATION_VOIP, &error));
  BYON_CHECK(error == OPUS_OK, "an Opus encoder at 8, 16 or 48 kHz can be made");
  const OpusParameters& opus = format.opus;
  const int limit =
      opus.max_average_bitrate_bps != 0 ? static_cast<int>(opus.max_average_bitrate_bps) : kTransformBitrateBps;
  transform_bitrate_bps_ = std::min(kTransformBitrateBps, limit);
  const bool is_adaptive = opus.coding == OpusCoding::kAdaptive;
  speech_bitrate_bps_ = std::min(is_adaptive ? kLeastEffortBitrateBps : kDefaultBitrateBps, limit);
  is_told_of_more_ = is_adaptive && sample_rate_hz >= 16'000 && speech_bitrate_bps_ < kEnoughToRepeatBps;
  // Silence of CELT is sent as any other sound, and what is narrow is SILK's.
  may_transform_ = is_adaptive && !opus.use_dtx && sample_rate_hz >= 16'000 && opus.max_playback_rate_hz >= 16'000 &&
                   transform_bitrate_bps_ >= kMinTransformBitrateBps;
  ::OpusEncoder* encoder = encoder_.get();
  opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(is_adaptive ? 0 : opus.complexity));
  UseTransform(may_transform_);
  opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(opus.use_inband_fec ? 1 : 0));
  opus_encoder_ctl(encoder, OPUS_SET_DTX(opus.use_dtx ? 1 : 0));
  opus_encoder_ctl(encoder, OPUS_SET_MAX_BANDWIDTH(BandwidthFor(opus.max_playback_rate_hz)));
  opus_encoder_ctl(encoder, OPUS_SET_LSB_DEPTH(16));
}

// libopus chooses CELT for music at such a rate, SILK for speech.
void OpusAudioEncoder::UseTransform(bool is_transform) {
  is_transform_ = is_transform;
  samples_since_loss_ = 0;
  ::OpusEncoder* encoder = encoder_.get();
  opus_encoder_ctl(encoder, OPUS_SET_BITRATE(is_transform ? transform_bitrate_bps_ : speech_bitrate_bps_));
  opus_encoder_ctl(encoder, OPUS_SET_SIGNAL(is_transform ? OPUS_SIGNAL_MUSIC : OPUS_SIGNAL_VOICE));
}

EncodedPayload OpusAudioEncoder::Encode(const AudioFrame& frame, base::MutableByteSpan out) {
  const auto samples = frame.view();
  if (may_transform_ && !is_transform_) {
    samples_since_loss_ += static_cast<int>(samples.size());
    if (samples_since_loss_ >= kQuietSeconds * sample_rate_hz_) UseTransform(true);
  }
  const int16_t* packet = samples.data();
  if (!pending_.empty()) {
    std::copy(samples.begin(), samples.end(), pending_.begin() + static_cast<ptrdiff_t>(pending_samples_));
    pending_samples_ += samples.size();
    if (pending_samples_ < samples_per_packet_) return {};
    pending_samples_ = 0;
    packet = pending_.data();
  }
  const opus_int32 bytes = opus_encode(encoder_.get(), packet, static_cast<int>(samples_per_packet_),
                                       reinterpret_cast<unsigned char*>(out.data()),
                                       static_cast<opus_int32>(std::min(out.size(), kMaxEncodedBytes)));
  EncodedPayload payload{.frames = static_cast<int>(samples_per_packet_ / SamplesPerFrame(sample_rate_hz_))};
  if (bytes <= 0) return payload;
  // Up to two octets mean silence (opus_encode()): the first such packet tells the receiver, the
  // following need not be sent; libopus itself breaks the silence every 400 ms with new parameters.
  const bool is_dtx = bytes <= 2;
  if (!is_dtx || !has_sent_dtx_) {
    payload.bytes = static_cast<size_t>(bytes);
    payload.starts_talkspurt = !is_dtx && has_sent_dtx_;
  }
  has_sent_dtx_ = is_dtx;
  return payload;
}

void OpusAudioEncoder::SetExpectedLoss(double fraction) {
  int percent = std::clamp(static_cast<int>(std::ceil(fraction * 100)), 0, kMaxExpectedLossPercent);
  if (percent > 0 && is_told_of_more_) percent = std::max(percent, kLeastLossPercentToRepeat);
  const bool is_news = std::exchange(told_loss_percent_, percent) != percent;
  if (is_news) opus_encoder_ctl(encoder_.get(), OPUS_SET_PACKET_LOSS_PERC(percent));
  if (percent == 0 || !may_transform_) return;
  if (is_transform_) UseTransform(false);
  samples_since_loss_ = 0;
}

}  // namespace byon::codec
