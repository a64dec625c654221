#include "dataplane/config/log.h"

#include <time.h>

#include <cstdio>

namespace byon::config {
namespace {

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kError: return "error";
    case LogLevel::kWarning: return "warning";
    case LogLevel::kInfo: return "info";
    case LogLevel::kDebug: return "debug";
  }
  return "unknown";
}

}  // namespace

void Log::Write(LogLevel level, const std::string& line) const {
  if (level > level_) return;
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm utc{};
  gmtime_r(&now.tv_sec, &utc);
  char time[32];
  (void)strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%S", &utc);
  const std::string_view name = LevelName(level);
  // One call: lines of several threads do not mix.
  std::fprintf(stderr, "time=%s.%03ldZ level=%.*s %s\n", time, now.tv_nsec / 1'000'000, static_cast<int>(name.size()),
               name.data(), line.c_str());
}

std::string Quoted(std::string_view value) {
  bool is_plain = !value.empty();
  std::string text;
  for (const char c : value) {
    if (static_cast<unsigned char>(c) < ' ') {
      text += ' ';
      is_plain = false;
      continue;
    }
    if (c == ' ' || c == '"' || c == '=') is_plain = false;
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return is_plain ? text : '"' + text + '"';
}

}  // namespace byon::config
