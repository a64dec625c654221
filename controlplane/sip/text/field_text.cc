#include "controlplane/sip/text/field_text.h"

#include "controlplane/sip/text/header_text.h"

namespace byon::sip {
namespace {

constexpr size_t kMaxBytes = 128 * 1024;

}  // namespace

void FieldWriter::Add(std::string_view name, std::string_view value) {
  text_ += name;
  text_ += ' ';
  for (char c : value) {
    switch (c) {
      case '\\': text_ += "\\\\"; break;
      case '\n': text_ += "\\n"; break;
      case '\r': text_ += "\\r"; break;
      default: text_ += c;
    }
  }
  text_ += '\n';
}

std::optional<FieldReader> FieldReader::Parse(std::string_view kind_and_version, std::string_view text) {
  if (text.size() > kMaxBytes) return std::nullopt;
  FieldReader reader;
  bool is_first = true;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;  // cut off
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (is_first) {
      if (line != kind_and_version) return std::nullopt;
      is_first = false;
      continue;
    }
    const size_t space = line.find(' ');
    if (space == std::string_view::npos || space == 0) return std::nullopt;
    std::string value;
    for (size_t i = space + 1; i < line.size(); ++i) {
      if (line[i] != '\\') {
        value += line[i];
        continue;
      }
      if (++i == line.size()) return std::nullopt;
      if (line[i] != 'n' && line[i] != 'r' && line[i] != '\\') return std::nullopt;
      value += line[i] == 'n' ? '\n' : line[i] == 'r' ? '\r' : '\\';
    }
    reader.fields_.emplace(std::string(line.substr(0, space)), std::move(value));
  }
  if (is_first) return std::nullopt;
  return reader;
}

std::vector<std::string> FieldReader::All(const std::string& name) const {
  std::vector<std::string> values;
  const auto [begin, end] = fields_.equal_range(name);
  for (auto it = begin; it != end; ++it) values.push_back(it->second);
  return values;
}

std::string FieldReader::Text(const std::string& name) {
  const auto found = fields_.find(name);
  if (found != fields_.end()) return found->second;
  ok_ = false;
  return {};
}

uint64_t FieldReader::Number(const std::string& name, uint64_t max) {
  const auto value = ParseNumber(Text(name), max);
  if (!value) ok_ = false;
  return value.value_or(0);
}

}  // namespace byon::sip
