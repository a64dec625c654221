#include "dataplane/pipeline/audio_clip.h"

#include <algorithm>

#include "dataplane/codec/resampler.h"

namespace byon::pipeline {
namespace {

constexpr int64_t kMicrosecondsPerSecond = 1'000'000;
constexpr int64_t kFrameUs = int64_t{codec::kFrameMs} * 1000;

std::vector<int16_t> Resampled(std::span<const int16_t> input, int from_hz, int to_hz) {
  codec::Resampler resampler(from_hz, to_hz);
  const size_t in_frame = codec::SamplesPerFrame(from_hz);
  const size_t out_frame = codec::SamplesPerFrame(to_hz);
  std::vector<int16_t> output;
  output.reserve(input.size() / in_frame * out_frame + out_frame);
  std::vector<int16_t> frame(in_frame);
  std::vector<int16_t> converted(out_frame);
  for (size_t at = 0; at < input.size(); at += in_frame) {
    const auto piece = input.subspan(at, std::min(in_frame, input.size() - at));
    std::ranges::fill(frame, int16_t{0});
    std::ranges::copy(piece, frame.begin());
    resampler.Process(frame, converted);
    output.insert(output.end(), converted.begin(), converted.end());
  }
  return output;
}

}  // namespace

AudioClip::AudioClip(std::span<const int16_t> samples, int sample_rate_hz)
    : narrow_(Resampled(samples, sample_rate_hz, 8000)),
      wide_(Resampled(samples, sample_rate_hz, 16'000)),
      full_(Resampled(samples, sample_rate_hz, 48'000)) {}

std::span<const int16_t> AudioClip::At(int sample_rate_hz) const {
  if (sample_rate_hz == 8000) return narrow_;
  if (sample_rate_hz == 16'000) return wide_;
  if (sample_rate_hz == 48'000) return full_;
  return {};
}

base::TimeDelta AudioClip::duration() const {
  return base::TimeDelta::Microseconds(static_cast<int64_t>(narrow_.size()) * kMicrosecondsPerSecond / 8000);
}

void ClipPlayer::Start(const AudioClip* clip, bool loop) {
  const bool has_audio = clip != nullptr && !clip->At(8000).empty();
  clip_ = has_audio ? clip : nullptr;
  is_looped_ = loop;
  position_us_ = 0;
}

bool ClipPlayer::Fill(codec::AudioFrame& frame) {
  const auto out = frame.view();
  const auto samples = clip_ ? clip_->At(frame.sample_rate_hz) : std::span<const int16_t>();
  if (samples.empty()) {
    std::ranges::fill(out, int16_t{0});
    clip_ = nullptr;
    return false;
  }
  auto at = static_cast<size_t>(position_us_ * frame.sample_rate_hz / kMicrosecondsPerSecond);
  size_t written = 0;
  while (written < out.size()) {
    if (at >= samples.size()) {
      if (!is_looped_) break;
      at = 0;
    }
    const size_t count = std::min(out.size() - written, samples.size() - at);
    std::copy_n(samples.begin() + static_cast<ptrdiff_t>(at), count, out.begin() + static_cast<ptrdiff_t>(written));
    written += count;
    at += count;
  }
  std::ranges::fill(out.subspan(written), int16_t{0});
  position_us_ += kFrameUs;
  if (is_looped_) position_us_ %= clip_->duration().microseconds();
  const bool has_ended = !is_looped_ && at >= samples.size();
  if (has_ended) clip_ = nullptr;
  return !has_ended;
}

}  // namespace byon::pipeline
