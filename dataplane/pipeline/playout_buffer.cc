#include "dataplane/pipeline/playout_buffer.h"

#include <algorithm>

#include "dataplane/base/check.h"
#include "dataplane/codec/audio_frame.h"

namespace byon::pipeline {

PlayoutBuffer::PlayoutBuffer(int max_rate_hz, int capacity_ms)
    : samples_(static_cast<size_t>(max_rate_hz) * static_cast<size_t>(capacity_ms + kHistoryMs) / 1000),
      sample_rate_hz_(max_rate_hz),
      scaler_(max_rate_hz) {
  Restart(max_rate_hz);
}

void PlayoutBuffer::Restart(int sample_rate_hz) {
  sample_rate_hz_ = sample_rate_hz;
  scaler_ = codec::TimeScaler(sample_rate_hz);
  begin_ = end_ = HistorySamples();
  std::fill_n(samples_.begin(), begin_, int16_t{0});
}

void PlayoutBuffer::MoveToFront() {
  const size_t history = HistorySamples();
  const auto first = samples_.begin();
  std::copy(first + static_cast<ptrdiff_t>(begin_ - history), first + static_cast<ptrdiff_t>(end_), first);
  end_ -= begin_ - history;
  begin_ = history;
}

std::span<int16_t> PlayoutBuffer::Room() {
  if (begin_ != HistorySamples()) MoveToFront();
  return std::span(samples_).subspan(end_);
}

void PlayoutBuffer::Pop(std::span<int16_t> out) {
  BYON_CHECK(out.size() <= size(), "the owner fills first");
  std::copy_n(samples_.begin() + static_cast<ptrdiff_t>(begin_), out.size(), out.begin());
  begin_ += out.size();
}

size_t PlayoutBuffer::min_compress_samples() const {
  // What is left behind a compression still fills the tick.
  return static_cast<size_t>(sample_rate_hz_) * 20 / 1000 + scaler_.max_period_samples();
}

size_t PlayoutBuffer::Compress(codec::TimeScaler::Urgency urgency) {
  if (size() < min_compress_samples()) return 0;
  const size_t removed = scaler_.Compress(std::span(samples_).subspan(begin_, size()), urgency);
  end_ -= removed;
  return removed;
}

size_t PlayoutBuffer::Trim() {
  const size_t left_over = size() % codec::SamplesPerFrame(sample_rate_hz_);
  const size_t removed =
      scaler_.Compress(std::span(samples_).subspan(begin_, size()), codec::TimeScaler::Urgency::kUnheard, left_over);
  end_ -= removed;
  return removed;
}

size_t PlayoutBuffer::Stretch(codec::TimeScaler::Urgency urgency) {
  const auto room = Room();
  const std::span<int16_t> all(samples_);
  const size_t inserted =
      scaler_.Stretch(all.first(begin_), all.subspan(begin_, size() + room.size()), size(), urgency);
  end_ += inserted;
  return inserted;
}

}  // namespace byon::pipeline
