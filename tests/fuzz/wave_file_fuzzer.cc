#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/pipeline/wave_file.h"

// What is read was in the file, is not too much and has a rate that can be played.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto wave = byon::pipeline::ParseWaveFile(std::as_bytes(std::span(data, size)));
  if (!wave.ok()) return wave.error().empty() ? (__builtin_trap(), 0) : 0;
  const int rate = wave->sample_rate_hz;
  if (rate != 8000 && rate != 16'000 && rate != 48'000) __builtin_trap();
  if (wave->samples.empty() || wave->samples.size() * 2 > size) __builtin_trap();
  return 0;
}
