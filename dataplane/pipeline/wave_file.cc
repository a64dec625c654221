#include "dataplane/pipeline/wave_file.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace byon::pipeline {
namespace {

// "WAVEFORMATEX" tags (RFC 2361 section A): PCM, and the extensible form that names its format in a
// GUID that begins with the tag.
constexpr uint16_t kPcm = 0x0001;
constexpr uint16_t kExtensible = 0xfffe;
constexpr size_t kFormatBytes = 16;
constexpr size_t kExtensibleTagOffset = 24;
constexpr size_t kChunkHeaderBytes = 8;

uint32_t LittleEndian(base::ByteSpan bytes, size_t at, size_t width) {
  uint32_t value = 0;
  for (size_t i = width; i-- > 0;) value = value << 8 | std::to_integer<uint32_t>(bytes[at + i]);
  return value;
}

struct Format {
  uint32_t tag = 0;
  uint32_t channels = 0;
  uint32_t sample_rate_hz = 0;
  uint32_t bits = 0;
};

std::optional<Format> ReadFormat(base::ByteSpan chunk) {
  if (chunk.size() < kFormatBytes) return std::nullopt;
  Format format{LittleEndian(chunk, 0, 2), LittleEndian(chunk, 2, 2), LittleEndian(chunk, 4, 4),
                LittleEndian(chunk, 14, 2)};
  if (format.tag == kExtensible && chunk.size() >= kExtensibleTagOffset + 2) {
    format.tag = LittleEndian(chunk, kExtensibleTagOffset, 2);
  }
  return format;
}

std::string Refusal(const Format& format) {
  if (format.tag != kPcm) {
    return "its format tag is " + std::to_string(format.tag) + ", but must be 1 (linear PCM)";
  }
  if (format.channels != 1) {
    return "it has " + std::to_string(format.channels) + " channels, but must have 1";
  }
  if (format.bits != 16) {
    return "it has " + std::to_string(format.bits) + " bits a sample, but must have 16";
  }
  const uint32_t rate = format.sample_rate_hz;
  if (rate != 8000 && rate != 16'000 && rate != 48'000) {
    return "its sample rate is " + std::to_string(rate) + ", but must be 8000, 16000 or 48000";
  }
  return "";
}

}  // namespace

base::Result<WaveAudio, std::string> ParseWaveFile(base::ByteSpan file) {
  const auto text_at = [file](size_t at) { return base::AsText(file.subspan(at, 4)); };
  if (file.size() < 12 || text_at(0) != "RIFF" || text_at(8) != "WAVE") {
    return std::string("it is no RIFF WAVE file");
  }
  std::optional<Format> format;
  size_t at = 12;
  while (file.size() - at >= kChunkHeaderBytes) {
    const std::string_view id = text_at(at);
    const size_t size = LittleEndian(file, at + 4, 4);
    at += kChunkHeaderBytes;
    // What a recorder that was interrupted left is taken as far as it goes.
    const base::ByteSpan chunk = file.subspan(at, std::min(size, file.size() - at));
    if (id == "fmt ") {
      format = ReadFormat(chunk);
      if (!format) return std::string("its fmt chunk is cut short");
      if (std::string refusal = Refusal(*format); !refusal.empty()) return refusal;
    } else if (id == "data") {
      if (!format) return std::string("it has samples before their format");
      const size_t count = chunk.size() / 2;
      if (count == 0) return std::string("it has no samples");
      if (count > kMaxWaveSeconds * format->sample_rate_hz) {
        return "it is longer than " + std::to_string(kMaxWaveSeconds) + " seconds";
      }
      WaveAudio audio{static_cast<int>(format->sample_rate_hz), std::vector<int16_t>(count)};
      for (size_t i = 0; i < count; ++i) {
        audio.samples[i] = static_cast<int16_t>(LittleEndian(chunk, 2 * i, 2));
      }
      return audio;
    }
    at += chunk.size();
    if (size % 2 != 0 && at < file.size()) ++at;  // chunks begin on even places
  }
  return std::string("it has no data chunk");
}

}  // namespace byon::pipeline
