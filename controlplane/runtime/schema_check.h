#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace byon::runtime {

struct SchemaMistake {
  std::string pointer;   // JSON pointer of the value, or of its parent when it is missing
  std::string sentence;  // "http.listen is \"x\"; it must be an IP address and a port."
};

// Every violation of a JSON Schema of draft-07, in sentences for operators. Knows type, enum, minimum,
// maximum, minLength, pattern, properties, required, additionalProperties: false, items, minItems, $ref within
// the document, if (required, not) with then, and, as its own, x-allowed: the words for a pattern. The
// configuration's schema uses no more.
[[nodiscard]] std::vector<SchemaMistake> CheckSchema(const nlohmann::json& value, const nlohmann::json& schema);

}  // namespace byon::runtime
