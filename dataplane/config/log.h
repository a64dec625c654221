#pragma once

#include <string>
#include <string_view>

#include "dataplane/config/dataplane_config.h"

namespace byon::config {

// Lines of key=value on stderr: time, level and what the caller gives. Any thread.
class Log {
 public:
  explicit Log(LogLevel level) : level_(level) {}
  // `line` is "event=ready node=x": values with spaces are the caller's to quote (Quoted).
  void Write(LogLevel level, const std::string& line) const;
  void Info(const std::string& line) const { Write(LogLevel::kInfo, line); }
  void Error(const std::string& line) const { Write(LogLevel::kError, line); }

 private:
  LogLevel level_;
};

// In double quotes when it has a space or a quote, control characters taken out.
std::string Quoted(std::string_view value);

}  // namespace byon::config
