#include "controlplane/json/strict_json.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace byon::json {
namespace {

// Builds the document while it counts, so that a hostile text is given up early.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Builder(const Limits& limits) : limits_(limits) {}

  bool null() override { return Add(nullptr) != nullptr; }
  bool boolean(bool value) override { return Add(value) != nullptr; }
  bool number_integer(number_integer_t value) override { return Add(value) != nullptr; }
  bool number_unsigned(number_unsigned_t value) override { return Add(value) != nullptr; }
  bool number_float(number_float_t value, const string_t&) override { return Add(value) != nullptr; }
  bool string(string_t& value) override { return Add(std::move(value)) != nullptr; }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return Open(nlohmann::json::object()); }
  bool start_array(size_t) override { return Open(nlohmann::json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    if (open_.back()->contains(name)) return false;
    name_ = std::move(name);
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

  nlohmann::json Take() { return std::move(root_); }

 private:
  nlohmann::json* Add(nlohmann::json value) {
    if (++values_ > limits_.max_values) return nullptr;
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    nlohmann::json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[name_] = std::move(value));
  }
  bool Open(nlohmann::json value) {
    if (open_.size() >= limits_.max_depth) return false;
    nlohmann::json* added = Add(std::move(value));
    if (added == nullptr) return false;
    open_.push_back(added);
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  const Limits& limits_;
  nlohmann::json root_;
  std::vector<nlohmann::json*> open_;  // stable: only the innermost container grows
  std::string name_;
  size_t values_ = 0;
};

}  // namespace

std::optional<nlohmann::json> ParseStrict(std::string_view text, const Limits& limits) {
  if (text.size() > limits.max_bytes) return std::nullopt;
  // The parser would skip a byte order mark; RFC 8259 section 8.1 does not want one.
  if (text.substr(0, 3) == "\xef\xbb\xbf") return std::nullopt;
  // The parser takes NUL for the end of its input and would accept whatever follows.
  if (text.find('\0') != text.npos) return std::nullopt;
  try {
    Builder builder(limits);
    if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) return std::nullopt;
    return builder.Take();
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace byon::json
