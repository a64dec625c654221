#include "tools/simphone/wav_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <numbers>
#include <stdexcept>

namespace byon::simphone {
namespace {

// An hour at 16 kHz: a recording that forgets to stop must not eat the machine.
constexpr uint64_t kLongestRecordingSamples = 3600ull * 16000;

uint32_t ReadLittle(const std::vector<char>& bytes, size_t offset, size_t width) {
  uint32_t value = 0;
  for (size_t i = 0; i < width && offset + i < bytes.size(); ++i) {
    value |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[offset + i])) << (8 * i);
  }
  return value;
}

void AppendLittle(std::string& out, uint32_t value, size_t width) {
  for (size_t i = 0; i < width; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

}  // namespace

MonoAudio ReadWav(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
  if (bytes.size() < 44 || std::memcmp(bytes.data(), "RIFF", 4) != 0) {
    throw std::runtime_error("not a WAV file: " + path);
  }
  MonoAudio audio;
  size_t channels = 1;
  size_t offset = 12;
  while (offset + 8 <= bytes.size()) {
    const size_t size = ReadLittle(bytes, offset + 4, 4);
    const size_t body = offset + 8;
    if (std::memcmp(&bytes[offset], "fmt ", 4) == 0) {
      channels = ReadLittle(bytes, body + 2, 2);
      audio.sample_rate_hz = ReadLittle(bytes, body + 4, 4);
      if (ReadLittle(bytes, body + 14, 2) != 16 || channels == 0) {
        throw std::runtime_error("only 16-bit PCM is read: " + path);
      }
    } else if (std::memcmp(&bytes[offset], "data", 4) == 0) {
      const size_t end = std::min(bytes.size(), body + size);
      for (size_t at = body; at + 2 * channels <= end; at += 2 * channels) {
        audio.samples.push_back(static_cast<int16_t>(ReadLittle(bytes, at, 2)));
      }
    }
    offset = body + size + (size & 1);
  }
  if (audio.samples.empty()) throw std::runtime_error("no samples in " + path);
  return audio;
}

MonoAudio ResampleWhole(const MonoAudio& audio, uint32_t sample_rate_hz) {
  if (audio.sample_rate_hz == sample_rate_hz) return audio;
  const double step = static_cast<double>(audio.sample_rate_hz) / sample_rate_hz;
  const double cutoff = std::min(1.0, 1.0 / step) * 0.95;  // of the input's half rate
  constexpr int kHalfTaps = 32;
  const double reach = kHalfTaps / cutoff;
  MonoAudio out;
  out.sample_rate_hz = sample_rate_hz;
  out.samples.resize(static_cast<size_t>(static_cast<double>(audio.samples.size()) / step));
  for (size_t n = 0; n < out.samples.size(); ++n) {
    const double centre = static_cast<double>(n) * step;
    const auto first = static_cast<int64_t>(std::ceil(centre - reach));
    const auto last = static_cast<int64_t>(std::floor(centre + reach));
    double sum = 0;
    for (int64_t k = first; k <= last; ++k) {
      if (k < 0 || k >= static_cast<int64_t>(audio.samples.size())) continue;
      const double x = static_cast<double>(k) - centre;
      const double sinc = x == 0 ? cutoff : std::sin(std::numbers::pi * x * cutoff) / (std::numbers::pi * x);
      const double window = 0.5 + 0.5 * std::cos(std::numbers::pi * x / reach);
      sum += audio.samples[static_cast<size_t>(k)] * sinc * window;
    }
    out.samples[n] = static_cast<int16_t>(std::clamp(std::lround(sum), -32768l, 32767l));
  }
  return out;
}

WavWriter::WavWriter(const std::string& path, uint32_t sample_rate_hz) : path_(path), sample_rate_hz_(sample_rate_hz) {
  std::ofstream probe(path, std::ios::binary);
  if (!probe) throw std::runtime_error("cannot write " + path);
}

WavWriter::~WavWriter() { Flush(); }

void WavWriter::WriteAt(uint64_t position_samples, std::span<const int16_t> samples) {
  const uint64_t end = position_samples + samples.size();
  if (end > kLongestRecordingSamples) return;
  if (end > samples_.size()) samples_.resize(end, 0);
  std::copy(samples.begin(), samples.end(), samples_.begin() + static_cast<ptrdiff_t>(position_samples));
}

void WavWriter::Flush() {
  const auto data_bytes = static_cast<uint32_t>(samples_.size() * 2);
  std::string header = "RIFF";
  AppendLittle(header, 36 + data_bytes, 4);
  header += "WAVEfmt ";
  AppendLittle(header, 16, 4);
  AppendLittle(header, 1, 2);  // PCM
  AppendLittle(header, 1, 2);  // one channel
  AppendLittle(header, sample_rate_hz_, 4);
  AppendLittle(header, sample_rate_hz_ * 2, 4);
  AppendLittle(header, 2, 2);
  AppendLittle(header, 16, 2);
  header += "data";
  AppendLittle(header, data_bytes, 4);
  std::ofstream file(path_, std::ios::binary);
  file << header;
  for (const int16_t sample : samples_) {
    file.put(static_cast<char>(sample & 0xff)).put(static_cast<char>(sample >> 8 & 0xff));
  }
}

}  // namespace byon::simphone
