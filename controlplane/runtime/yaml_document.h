#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace byon::runtime {

// A YAML text as JSON, with the line of every value.
struct YamlDocument {
  nlohmann::json root;
  std::map<std::string, int> lines;  // JSON pointer ("/http/listen") to line, counted from 1
  std::string error;                 // one sentence when the text is no YAML; then root is null

  int LineOf(const std::string& pointer) const;
};

// Plain scalars become null, true, false or numbers where they look like it, quoted ones stay text (YAML
// 1.2 core schema). Documents of more than 1 MiB or 100,000 values are refused: aliases can make
// a small text huge.
[[nodiscard]] YamlDocument ParseYaml(const std::string& text);

}  // namespace byon::runtime
