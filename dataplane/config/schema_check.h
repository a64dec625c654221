#pragma once

#include <string>
#include <vector>

namespace YAML {
class Node;
}

namespace byon::config {

// Every mistake of `value` under a JSON Schema, in sentences. Knows what the schema of this program
// uses: type, enum, minimum, maximum, minLength, pattern, properties, required,
// additionalProperties: false, items, minItems, maxItems, $ref to a definition, and x-allowed, the
// words for a pattern.
std::vector<std::string> CheckAgainstSchema(const YAML::Node& value, const YAML::Node& schema);

}  // namespace byon::config
