#pragma once

#include <chrono>
#include <ctime>
#include <string>

namespace byon::base {

// A date-time of RFC 3339 in UTC, whole seconds: 2026-01-01T00:00:00Z.
inline std::string UtcText(std::chrono::system_clock::time_point time) {
  const std::time_t unix_time = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&unix_time, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

}  // namespace byon::base
