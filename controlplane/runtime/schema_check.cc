#include "controlplane/runtime/schema_check.h"

#include <regex.h>

#include <algorithm>

namespace byon::runtime {
namespace {

using nlohmann::json;

// "/http/cors_origins/0" as an operator would write it.
std::string KeyName(const std::string& pointer) {
  std::string name = pointer.empty() ? "the file" : pointer.substr(1);
  std::replace(name.begin(), name.end(), '/', '.');
  return name;
}

bool HasType(const json& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  return false;
}

std::string TypeWords(const std::string& type) {
  if (type == "object") return "a group of keys";
  if (type == "array") return "a list";
  if (type == "string") return "text (put quotes around it)";
  if (type == "integer") return "a whole number";
  if (type == "number") return "a number";
  return "true or false";
}

// POSIX extended syntax, of which the schema's patterns keep to the part that ECMA-262 shares.
bool Matches(const std::string& text, const std::string& pattern) {
  regex_t compiled;
  if (regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0) return false;
  const bool is_match = regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
  regfree(&compiled);
  return is_match;
}

size_t Distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0]++;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

class Checker {
 public:
  explicit Checker(const json& root) : root_(root) {}
  std::vector<SchemaMistake> mistakes;

  void Check(const json& value, const json& named, const std::string& pointer) {
    const json& schema = Resolve(named);
    const std::string type = schema.value("type", "");
    if (!type.empty() && !HasType(value, type)) {
      return Add(pointer, KeyName(pointer) + " is " + value.dump() + "; it must be " + TypeWords(type) + ".");
    }
    CheckValue(value, schema, pointer);
    if (value.is_object()) CheckObject(value, schema, pointer);
    if (value.is_array()) CheckArray(value, schema, pointer);
    if (schema.contains("if") && Holds(value, schema["if"])) Check(value, schema.at("then"), pointer);
  }

 private:
  // A reference stands alone (draft-07 section 8.3) and points into the same document.
  const json& Resolve(const json& schema) const {
    const auto reference = schema.find("$ref");
    if (reference == schema.end()) return schema;
    return root_.at(json::json_pointer(reference->get<std::string>().substr(1)));
  }

  // The conditions in use: that keys are there, and the contrary.
  static bool Holds(const json& value, const json& condition) {
    if (condition.contains("not")) return !Holds(value, condition["not"]);
    const json& names = condition.at("required");
    return std::all_of(names.begin(), names.end(),
                       [&value](const json& name) { return value.contains(name.get<std::string>()); });
  }

  void Add(const std::string& pointer, std::string sentence) { mistakes.push_back({pointer, std::move(sentence)}); }

  void CheckValue(const json& value, const json& schema, const std::string& pointer) {
    const auto wrong = [&](const std::string& allowed) {
      Add(pointer, KeyName(pointer) + " is " + value.dump() + "; it must be " + allowed + ".");
    };
    if (schema.contains("enum") &&
        std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end()) {
      std::string list;
      for (const json& one : schema["enum"]) {
        list += (list.empty() ? "" : ", ") + (one.is_string() ? one.get<std::string>() : one.dump());
      }
      return wrong("one of " + list);
    }
    if (value.is_number() && schema.contains("minimum") && schema.contains("maximum")) {
      const double number = value.get<double>();
      if (number < schema["minimum"].get<double>() || number > schema["maximum"].get<double>()) {
        return wrong("between " + schema["minimum"].dump() + " and " + schema["maximum"].dump());
      }
    }
    if (!value.is_string()) return;
    const std::string text = value.get<std::string>();
    if (text.size() < schema.value("minLength", size_t{0})) return wrong("some text");
    if (schema.contains("pattern") && !Matches(text, schema["pattern"].get<std::string>())) {
      wrong(schema.value("x-allowed", "of the form " + schema["pattern"].get<std::string>()));
    }
  }

  void CheckObject(const json& value, const json& schema, const std::string& pointer) {
    const json properties = schema.value("properties", json::object());
    for (const json& name : schema.value("required", json::array())) {
      if (!value.contains(name.get<std::string>())) {
        Add(pointer, KeyName(pointer + "/" + name.get<std::string>()) + " is missing; it has no default.");
      }
    }
    for (const auto& [name, child] : value.items()) {
      const std::string child_pointer = pointer + "/" + name;
      const auto known = properties.find(name);
      if (known != properties.end()) {
        Check(child, *known, child_pointer);
      } else if (!schema.value("additionalProperties", true)) {
        Add(child_pointer, KeyName(child_pointer) + " is not a key" + Suggestion(name, properties));
      }
    }
  }

  static std::string Suggestion(const std::string& name, const json& properties) {
    std::string best;
    size_t distance = 3;
    for (const auto& item : properties.items()) {
      const size_t d = Distance(name, item.key());
      if (d < distance) {
        distance = d;
        best = item.key();
      }
    }
    if (!best.empty()) return "; is " + best + " meant?";
    std::string list;
    for (const auto& item : properties.items()) list += (list.empty() ? "" : ", ") + item.key();
    return "; known here are " + list + ".";
  }

  void CheckArray(const json& value, const json& schema, const std::string& pointer) {
    if (value.size() < schema.value("minItems", size_t{0})) {
      Add(pointer, KeyName(pointer) + " is empty; it needs at least one entry.");
    }
    for (size_t i = 0; i < value.size(); ++i) {
      Check(value[i], schema.at("items"), pointer + "/" + std::to_string(i));
    }
  }

  const json& root_;
};

}  // namespace

std::vector<SchemaMistake> CheckSchema(const json& value, const json& schema) {
  Checker checker(schema);
  checker.Check(value, schema, "");
  return std::move(checker.mistakes);
}

}  // namespace byon::runtime
