#include "perf/calls_per_core/conversation.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

#include "dataplane/base/random.h"
#include "dataplane/codec/audio_frame.h"
#include "dataplane/codec/resampler.h"
#include "tests/dataplane/support/audio_signal.h"

namespace byon::perf {
namespace {

constexpr int kRateHz = 48'000;
constexpr size_t kTurnSamples = 3 * kRateHz;
constexpr size_t kTurns = 8;
constexpr uint32_t kRoomNoise = 16;  // peak to peak: -72 dBov

}  // namespace

Conversation::Conversation(const std::vector<std::string>& files) {
  for (const std::string& path : files) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    is_complete_ = is_complete_ && bytes.size() >= 2;
    const size_t at = speech_.size();
    speech_.resize(at + bytes.size() / 2);
    std::memcpy(speech_.data() + at, bytes.data(), bytes.size() / 2 * 2);
  }
  if (!speech_.empty()) return;
  speech_.resize(kTurns * kTurnSamples);
  test::SpeechSource(kRateHz).Fill(speech_);
}

std::vector<int16_t> Conversation::At(int person, int sample_rate_hz) const {
  base::Random random(static_cast<uint64_t>(person) + 1);
  std::vector<int16_t> said(kTurns * kTurnSamples);
  for (size_t i = 0; i < said.size(); ++i) {
    const auto noise = static_cast<int>(random.NextBelow(kRoomNoise)) - int{kRoomNoise} / 2;
    const bool is_talking = i / kTurnSamples % 2 == static_cast<size_t>(person);
    const int voice = is_talking ? speech_[i % speech_.size()] : 0;
    said[i] = static_cast<int16_t>(std::clamp(voice + noise, -32'768, 32'767));
  }
  if (sample_rate_hz == kRateHz) return said;
  codec::Resampler resampler(kRateHz, sample_rate_hz);
  const size_t in = codec::SamplesPerFrame(kRateHz), out = codec::SamplesPerFrame(sample_rate_hz);
  std::vector<int16_t> resampled(said.size() / in * out);
  for (size_t frame = 0; frame < said.size() / in; ++frame) {
    resampler.Process(std::span(said).subspan(frame * in, in), std::span(resampled).subspan(frame * out, out));
  }
  return resampled;
}

}  // namespace byon::perf
