#include "controlplane/runtime/log.h"

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <ctime>
#include <deque>
#include <mutex>
#include <thread>

namespace byon::runtime {
namespace {

constexpr size_t kMaxWaitingLines = 20'000;
constexpr size_t kMaxValueBytes = 2048;

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kError: return "error";
    case LogLevel::kWarning: return "warning";
    case LogLevel::kInfo: return "info";
    case LogLevel::kDebug: return "debug";
  }
  return "";
}

std::string Now() {
  const auto now = std::chrono::system_clock::now();
  const auto since = now.time_since_epoch();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto ms = static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(since).count() % 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  const size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + length, sizeof text - length, ".%03dZ", ms);
  return text;
}

// The inside of a JSON string; bytes that are no ASCII text are written as \u00XX, so that neither bad UTF-8
// nor control characters reach a terminal or a collector.
void AppendEscaped(std::string& line, std::string_view text) {
  for (const char raw : text.substr(0, kMaxValueBytes)) {
    const auto c = static_cast<unsigned char>(raw);
    if (c == '"' || c == '\\') {
      line += '\\';
      line += raw;
    } else if (c >= 0x20 && c < 0x7f) {
      line += raw;
    } else {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", c);
      line += escape;
    }
  }
  if (text.size() > kMaxValueBytes) line += "...";
}

bool NeedsQuotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char raw : text) {
    const auto c = static_cast<unsigned char>(raw);
    if (c <= 0x20 || c >= 0x7f || c == '"' || c == '=' || c == '\\') return true;
  }
  return text.size() > kMaxValueBytes;
}

}  // namespace

std::string MaskNumber(std::string_view number) {
  const size_t head = number.size() >= 8 ? 4 : number.size() / 3;
  const size_t tail = number.size() >= 8 ? 3 : 0;
  std::string masked(number);
  for (size_t i = head; i + tail < number.size(); ++i) masked[i] = '*';
  return masked;
}

std::string MaskNumbers(std::string_view text) {
  std::string masked(text);
  for (size_t at = 0; at < masked.size();) {
    const size_t digits = masked[at] == '+' ? at + 1 : at;
    size_t end = digits;
    while (end < masked.size() && masked[end] >= '0' && masked[end] <= '9') ++end;
    // Digits inside a longer word are ids, not numbers; a plus may be percent-encoded in front of them.
    const std::string_view before = std::string_view(masked).substr(0, at);
    const bool has_plus = before.ends_with("%2B") || before.ends_with("%2b");
    const bool is_in_word = (!has_plus && at > 0 && std::isalnum(static_cast<unsigned char>(masked[at - 1])) != 0) ||
                            (end < masked.size() && (std::isalpha(static_cast<unsigned char>(masked[end])) != 0));
    if (end - digits >= 7 && end - digits <= 15 && !is_in_word) {
      const std::string number = MaskNumber(std::string_view(masked).substr(at, end - at));
      masked.replace(at, end - at, number);
    }
    at = std::max(end, at + 1);
  }
  return masked;
}

class Logger::Writer {
 public:
  explicit Writer(Sink sink) : sink_(std::move(sink)), thread_([this] { Run(); }) {}
  ~Writer() {
    {
      const std::lock_guard lock(mutex_);
      is_stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

  void Append(std::string line) {
    {
      const std::lock_guard lock(mutex_);
      if (lines_.size() >= kMaxWaitingLines) {
        ++dropped_;
        return;
      }
      lines_.push_back(std::move(line));
    }
    wake_.notify_all();
  }

  void Flush() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return lines_.empty() && !is_writing_; });
  }

 private:
  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return is_stopping_ || !lines_.empty(); });
      if (lines_.empty()) return;
      std::deque<std::string> lines;
      lines.swap(lines_);
      if (dropped_ > 0) {
        lines.push_back("event=log_lines_dropped count=" + std::to_string(dropped_) + "\n");
        dropped_ = 0;
      }
      is_writing_ = true;
      lock.unlock();
      for (const std::string& line : lines) sink_(line);
      lock.lock();
      is_writing_ = false;
      idle_.notify_all();
    }
  }

  const Sink sink_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::deque<std::string> lines_;
  uint64_t dropped_ = 0;
  bool is_writing_ = false;
  bool is_stopping_ = false;
  std::thread thread_;
};

namespace {

void WriteToStandardError(std::string_view line) {
  while (!line.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    if (written <= 0) return;  // a log that cannot be written must not stop the gateway
    line.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace

Logger::Logger(LogOptions options, Sink sink)
    : options_(std::move(options)),
      writer_(std::make_shared<Writer>(sink ? std::move(sink) : Sink(WriteToStandardError))) {}
Logger::Logger(const Logger& other, std::string operator_id)
    : options_([&] {
        LogOptions options = other.options_;
        options.operator_id = std::move(operator_id);
        return options;
      }()),
      writer_(other.writer_) {}
Logger::~Logger() = default;

void Logger::Write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!IsOn(level)) return;
  std::string line;
  const auto add = [this, &line](std::string_view key, std::string_view value, bool is_number) {
    if (!line.empty()) line += options_.is_json ? ',' : ' ';
    if (options_.is_json) {
      line += '"';
      AppendEscaped(line, key);
      line += "\":";
    } else {
      line += key;
      line += '=';
    }
    const bool has_quotes = !is_number && (options_.is_json || NeedsQuotes(value));
    if (has_quotes) line += '"';
    AppendEscaped(line, value);
    if (has_quotes) line += '"';
  };
  add("ts", Now(), false);
  add("level", LevelName(level), false);
  if (!options_.node.empty()) add("node", options_.node, false);
  if (!options_.operator_id.empty()) add("operator", options_.operator_id, false);
  add("event", event, false);
  for (const LogField& field : fields) {
    const bool is_plain = field.is_number || options_.shows_full_numbers;
    add(field.key, is_plain ? field.value : MaskNumbers(field.value), field.is_number);
  }
  writer_->Append(options_.is_json ? "{" + line + "}\n" : line + "\n");
}

void Logger::Flush() { writer_->Flush(); }

}  // namespace byon::runtime
