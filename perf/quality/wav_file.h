#pragma once

#include <filesystem>

#include "perf/quality/signal.h"

namespace byon::quality {

// Writes 16-bit PCM. False when the file cannot be written.
[[nodiscard]] bool WriteWav(const std::filesystem::path& path, const Signal& signal);

}  // namespace byon::quality
