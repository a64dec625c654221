#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/api/clock_and_timers.h"

namespace byon::api {

// The first mistake of a whole request; empty while all is well.
struct Mistakes {
  bool ignores_unknown_members = false;
  std::string first;

  bool empty() const { return first.empty(); }
  void Add(std::string mistake) {
    if (first.empty()) first = std::move(mistake);
  }
};

// Reads the members of one JSON object of a request and remembers the first mistake: a missing member, a
// wrong type, a value out of its format, at last a member that was not asked for. Members that are
// absent read as nothing.
class ObjectReader {
 public:
  ObjectReader(const nlohmann::json& object, std::string path, Mistakes& mistakes);

  std::optional<std::string> Text(const char* name, size_t max_characters);
  std::optional<std::string> Choice(const char* name, std::initializer_list<std::string_view> allowed);
  std::optional<WallTime> DateTime(const char* name);
  std::optional<double> Number(const char* name, double minimum, double maximum);
  std::optional<int64_t> Integer(const char* name, int64_t minimum, int64_t maximum);
  std::optional<bool> Boolean(const char* name);
  const nlohmann::json* Object(const char* name);
  const nlohmann::json* Array(const char* name);

  bool Has(const char* name) const { return object_.contains(name); }
  void Require(const char* name);
  // Members that are known but whose value does not matter.
  void Ignore(const char* name);
  void Mistake(const char* name, std::string_view what);
  // After the last member: whatever was not asked for is a mistake, unless unknown members are ignored.
  void Finish();
  std::string PathOf(const std::string& name) const { return path_.empty() ? name : path_ + "." + name; }

 private:
  const nlohmann::json* Find(const char* name);

  const nlohmann::json& object_;
  const std::string path_;
  Mistakes& mistakes_;
  std::vector<std::string> known_;
};

}  // namespace byon::api
