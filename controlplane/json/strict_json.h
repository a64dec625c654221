#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>

namespace byon::json {

struct Limits {
  size_t max_bytes = 128 * 1024;
  size_t max_depth = 32;
  size_t max_values = 20'000;  // of all kinds, at all levels
};

// Parses one JSON text (RFC 8259) from an untrusted source. Refuses what is not JSON to the letter, bad
// UTF-8, numbers that no double can hold, the same name twice in one object (readers
// disagree about which counts, RFC 8259 section 4), and anything beyond the limits. Never throws.
[[nodiscard]] std::optional<nlohmann::json> ParseStrict(std::string_view text, const Limits& limits = {});

}  // namespace byon::json
