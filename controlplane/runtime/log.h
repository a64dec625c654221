#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace byon::runtime {

enum class LogLevel : uint8_t { kError, kWarning, kInfo, kDebug };

// One value of a log line; numbers and texts, escaped by the logger.
struct LogField {
  LogField(std::string_view field_key, std::string_view field_value)
      : key(field_key), value(field_value), is_number(false) {}
  LogField(std::string_view field_key, const char* field_value)
      : key(field_key), value(field_value), is_number(false) {}
  LogField(std::string_view field_key, const std::string& field_value)
      : key(field_key), value(field_value), is_number(false) {}
  template <typename T>
  requires std::is_arithmetic_v<T> LogField(std::string_view field_key, T field_value)
      : key(field_key), value(std::to_string(field_value)), is_number(true) {}
  std::string_view key;
  std::string value;
  bool is_number;
};

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  bool is_json = false;
  bool shows_full_numbers = false;
  std::string node;
  std::string operator_id;  // empty: there is only one
};

// +34600000001 as +346*****001; shorter texts keep less. Not for what is no number.
std::string MaskNumber(std::string_view number);
// Masks every run of seven or more digits in a text, as in SIP URIs and reasons.
std::string MaskNumbers(std::string_view text);

// Lines of key=value or JSON, written by a thread of its own: a slow or full disk drops lines (and says how
// many) instead of stopping calls. Values are escaped, so that nothing a peer sends can make a line. Phone
// numbers are masked in every value. Any thread.
class Logger {
 public:
  using Sink = std::function<void(std::string_view line)>;  // with the line break
  // The default sink is standard error.
  explicit Logger(LogOptions options, Sink sink = {});
  // Writes where the other does, each line with its operator.
  Logger(const Logger& other, std::string operator_id);
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  bool IsOn(LogLevel level) const { return level <= options_.level; }
  void Write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields);
  void Error(std::string_view event, std::initializer_list<LogField> fields = {}) {
    Write(LogLevel::kError, event, fields);
  }
  void Warning(std::string_view event, std::initializer_list<LogField> fields = {}) {
    Write(LogLevel::kWarning, event, fields);
  }
  void Info(std::string_view event, std::initializer_list<LogField> fields = {}) {
    Write(LogLevel::kInfo, event, fields);
  }
  void Debug(std::string_view event, std::initializer_list<LogField> fields = {}) {
    Write(LogLevel::kDebug, event, fields);
  }
  // Returns when all lines so far are with the sink.
  void Flush();

 private:
  class Writer;
  const LogOptions options_;
  std::shared_ptr<Writer> writer_;
};

}  // namespace byon::runtime
