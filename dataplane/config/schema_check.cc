#include "dataplane/config/schema_check.h"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <optional>
#include <regex>
#include <set>

namespace byon::config {
namespace {

constexpr size_t kMaxMistakes = 50;

std::optional<int64_t> ToInteger(const YAML::Node& node) {
  if (!node.IsScalar() || node.Tag() == "!") return std::nullopt;  // quoted: text
  const std::string& text = node.Scalar();
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool IsBoolean(const YAML::Node& node) {
  return node.IsScalar() && node.Tag() != "!" && (node.Scalar() == "true" || node.Scalar() == "false");
}

std::string Shown(const YAML::Node& node) {
  if (node.IsMap()) return "a mapping";
  if (node.IsSequence()) return "a list";
  if (!node.IsScalar()) return "empty";
  return '"' + node.Scalar().substr(0, 60) + '"';
}

class Checker {
 public:
  explicit Checker(const YAML::Node& root_schema) : root_(root_schema) {}

  void Check(const YAML::Node& value, const YAML::Node& schema, const std::string& key) {
    if (mistakes_.size() >= kMaxMistakes) return;
    if (schema["$ref"]) {
      const std::string name = schema["$ref"].Scalar();
      return Check(value, root_["definitions"][name.substr(name.rfind('/') + 1)], key);
    }
    if (schema["enum"]) return CheckEnum(value, schema["enum"], key);
    const std::string type = schema["type"].Scalar();
    if (type == "object") CheckObject(value, schema, key);
    if (type == "array") CheckArray(value, schema, key);
    if (type == "string") CheckString(value, schema, key);
    if (type == "integer") CheckInteger(value, schema, key);
    if (type == "boolean" && !IsBoolean(value)) Refuse(value, key, "true or false");
  }
  std::vector<std::string> Take() { return std::move(mistakes_); }

 private:
  void Say(const YAML::Node& node, const std::string& sentence) {
    const YAML::Mark mark = node.Mark();
    mistakes_.push_back("line " + std::to_string(mark.line + 1) + ": " + sentence);
  }
  void Refuse(const YAML::Node& node, const std::string& key, const std::string& allowed) {
    Say(node, (key.empty() ? "the file" : key) + " is " + Shown(node) + ", but must be " + allowed + ".");
  }
  void CheckEnum(const YAML::Node& value, const YAML::Node& allowed, const std::string& key) {
    std::string list;
    for (const auto& one : allowed) {
      if (value.IsScalar() && value.Scalar() == one.Scalar()) return;
      list += (list.empty() ? "" : ", ") + one.Scalar();
    }
    Refuse(value, key, "one of " + list);
  }
  void CheckObject(const YAML::Node& value, const YAML::Node& schema, const std::string& key) {
    if (!value.IsMap()) return Refuse(value, key, "a mapping");
    const YAML::Node properties = schema["properties"];
    std::set<std::string> seen;
    for (const auto& entry : value) {
      const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "?";
      const std::string full = key.empty() ? name : key + "." + name;
      if (!seen.insert(name).second) {
        Say(entry.first, full + " stands here twice.");
      } else if (const YAML::Node known = properties[name]) {
        Check(entry.second, known, full);
      } else {
        std::string names;
        for (const auto& property : properties) {
          names += (names.empty() ? "" : ", ") + property.first.Scalar();
        }
        Say(entry.first, full + " is no key; known here are " + names + ".");
      }
    }
    for (const auto& required : schema["required"]) {
      if (!seen.contains(required.Scalar())) {
        Say(value, (key.empty() ? "" : key + ".") + required.Scalar() + " is missing.");
      }
    }
  }
  void CheckArray(const YAML::Node& value, const YAML::Node& schema, const std::string& key) {
    if (!value.IsSequence()) return Refuse(value, key, "a list");
    const auto least = schema["minItems"] ? schema["minItems"].as<size_t>() : 0;
    const auto most = schema["maxItems"] ? schema["maxItems"].as<size_t>() : SIZE_MAX;
    if (value.size() < least || value.size() > most) {
      Say(value, key + " has " + std::to_string(value.size()) + " entries, but must have " + std::to_string(least) +
                     " to " + std::to_string(most) + ".");
    }
    for (size_t i = 0; i < value.size() && i < most; ++i) {
      Check(value[i], schema["items"], key + "[" + std::to_string(i) + "]");
    }
  }
  void CheckString(const YAML::Node& value, const YAML::Node& schema, const std::string& key) {
    if (!value.IsScalar()) return Refuse(value, key, "a text");
    const std::string& text = value.Scalar();
    if (schema["minLength"] && text.size() < schema["minLength"].as<size_t>()) {
      return Refuse(value, key, "not empty");
    }
    // std::regex recurses: nothing in a configuration is this long.
    if (text.size() > 1024) return Refuse(value, key, "at most 1024 characters");
    if (schema["pattern"] && !std::regex_match(text, std::regex(schema["pattern"].Scalar()))) {
      Refuse(value, key, schema["x-allowed"] ? schema["x-allowed"].Scalar() : "another text");
    }
  }
  void CheckInteger(const YAML::Node& value, const YAML::Node& schema, const std::string& key) {
    const auto least = schema["minimum"].as<int64_t>();
    const auto most = schema["maximum"].as<int64_t>();
    const auto number = ToInteger(value);
    if (!number || *number < least || *number > most) {
      Refuse(value, key, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    }
  }

  const YAML::Node root_;
  std::vector<std::string> mistakes_;
};

}  // namespace

std::vector<std::string> CheckAgainstSchema(const YAML::Node& value, const YAML::Node& schema) {
  Checker checker(schema);
  checker.Check(value, schema, "");
  return checker.Take();
}

}  // namespace byon::config
