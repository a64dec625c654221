#include "controlplane/api/object_reader.h"

#include <algorithm>
#include <cmath>

#include "controlplane/api/wire_format.h"

namespace byon::api {

using nlohmann::json;

ObjectReader::ObjectReader(const json& object, std::string path, Mistakes& mistakes)
    : object_(object), path_(std::move(path)), mistakes_(mistakes) {}

const json* ObjectReader::Find(const char* name) {
  known_.emplace_back(name);
  const auto it = object_.find(name);
  return it == object_.end() ? nullptr : &*it;
}

void ObjectReader::Mistake(const char* name, std::string_view what) {
  mistakes_.Add(PathOf(name) + " " + std::string(what) + ".");
}

void ObjectReader::Require(const char* name) {
  if (!Has(name)) mistakes_.Add("Expected property is missing: " + PathOf(name));
}

void ObjectReader::Ignore(const char* name) { known_.emplace_back(name); }

std::optional<std::string> ObjectReader::Text(const char* name, size_t max_characters) {
  const json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    Mistake(name, "must be a string");
    return std::nullopt;
  }
  std::string text = value->get<std::string>();
  if (CharacterCount(text) > max_characters) {
    Mistake(name, "is longer than " + std::to_string(max_characters) + " characters");
    return std::nullopt;
  }
  return text;
}

std::optional<std::string> ObjectReader::Choice(const char* name, std::initializer_list<std::string_view> allowed) {
  auto text = Text(name, 256);
  if (text && std::find(allowed.begin(), allowed.end(), *text) == allowed.end()) {
    std::string list;
    for (const std::string_view one : allowed) list += (list.empty() ? "" : ", ") + std::string(one);
    Mistake(name, "must be one of " + list);
    return std::nullopt;
  }
  return text;
}

std::optional<WallTime> ObjectReader::DateTime(const char* name) {
  const auto text = Text(name, 64);
  if (!text) return std::nullopt;
  const auto time = ParseDateTime(*text);
  if (!time) Mistake(name, "must be a date-time of RFC 3339 with an offset");
  return time;
}

std::optional<double> ObjectReader::Number(const char* name, double minimum, double maximum) {
  const json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) {
    Mistake(name, "must be a number");
    return std::nullopt;
  }
  const double number = value->get<double>();
  if (!std::isfinite(number) || number < minimum || number > maximum) {
    Mistake(name, "is out of range");
    return std::nullopt;
  }
  return number;
}

std::optional<int64_t> ObjectReader::Integer(const char* name, int64_t minimum, int64_t maximum) {
  const auto number = Number(name, static_cast<double>(minimum), static_cast<double>(maximum));
  if (!number) return std::nullopt;
  if (std::floor(*number) != *number) {
    Mistake(name, "must be a whole number");
    return std::nullopt;
  }
  return static_cast<int64_t>(*number);
}

std::optional<bool> ObjectReader::Boolean(const char* name) {
  const json* value = Find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) {
    Mistake(name, "must be true or false");
    return std::nullopt;
  }
  return value->get<bool>();
}

const json* ObjectReader::Object(const char* name) {
  const json* value = Find(name);
  if (value != nullptr && !value->is_object()) {
    Mistake(name, "must be an object");
    return nullptr;
  }
  return value;
}

const json* ObjectReader::Array(const char* name) {
  const json* value = Find(name);
  if (value != nullptr && !value->is_array()) {
    Mistake(name, "must be an array");
    return nullptr;
  }
  return value;
}

void ObjectReader::Finish() {
  if (mistakes_.ignores_unknown_members) return;
  for (const auto& item : object_.items()) {
    if (std::find(known_.begin(), known_.end(), item.key()) != known_.end()) continue;
    const std::string name = IsPlainText(item.key()) ? item.key().substr(0, 64) : "a name with control characters";
    mistakes_.Add("Unknown property: " + PathOf(name));
    return;
  }
}

}  // namespace byon::api
