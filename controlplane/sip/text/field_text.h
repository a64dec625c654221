#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace byon::sip {

// Named text fields in one string, for snapshots: a first line with kind and version, then one
// "name value" line a field, values escaped so that they stay on their line.
class FieldWriter {
 public:
  explicit FieldWriter(std::string_view kind_and_version) : text_(kind_and_version) { text_ += '\n'; }
  void Add(std::string_view name, std::string_view value);
  void Add(std::string_view name, uint64_t value) { Add(name, std::to_string(value)); }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

class FieldReader {
 public:
  // Nothing when the first line differs, a line is damaged, or the text has more than 128 KiB.
  static std::optional<FieldReader> Parse(std::string_view kind_and_version, std::string_view text);

  // All values of a name, in order.
  std::vector<std::string> All(const std::string& name) const;
  // The one value; a missing field makes ok() false for good.
  std::string Text(const std::string& name);
  uint64_t Number(const std::string& name, uint64_t max);
  bool ok() const { return ok_; }

 private:
  std::multimap<std::string, std::string> fields_;
  bool ok_ = true;
};

}  // namespace byon::sip
