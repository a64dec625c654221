#include "perf/quality/wav_file.h"

#include <cstdint>
#include <fstream>
#include <string>

namespace byon::quality {
namespace {

void Put(std::string& bytes, uint32_t value, int octets) {
  for (int i = 0; i < octets; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
}

}  // namespace

bool WriteWav(const std::filesystem::path& path, const Signal& signal) {
  constexpr uint32_t kFormatBytes = 16, kPcm = 1, kMono = 1, kSampleBytes = 2;
  const auto rate_hz = static_cast<uint32_t>(signal.rate_hz);
  const auto data_bytes = static_cast<uint32_t>(signal.samples.size() * kSampleBytes);
  std::string bytes = "RIFF";
  Put(bytes, 20 + kFormatBytes + data_bytes, 4);
  bytes += "WAVEfmt ";
  Put(bytes, kFormatBytes, 4);
  Put(bytes, kPcm, 2);
  Put(bytes, kMono, 2);
  Put(bytes, rate_hz, 4);
  Put(bytes, rate_hz * kSampleBytes, 4);
  Put(bytes, kSampleBytes, 2);
  Put(bytes, 8 * kSampleBytes, 2);
  bytes += "data";
  Put(bytes, data_bytes, 4);
  for (const int16_t sample : ToPcm(signal)) Put(bytes, static_cast<uint16_t>(sample), 2);
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return static_cast<bool>(file.flush());
}

}  // namespace byon::quality
