#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace byon::presence {

// An application/pidf+xml document (RFC 3863) with the activities of RPID (RFC 4480), as much of it as
// a telephone shows.
struct Pidf {
  std::string entity;                   // pres:, sip: or tel: URI
  std::optional<bool> is_open;          // some tuple is open; nothing: no tuple says
  std::vector<std::string> activities;  // element names, e.g. "on-the-phone"; at most 16
  std::string note;                     // the first, at most 256 bytes of valid UTF-8

  bool Has(std::string_view activity) const;
};

// Nothing for anything but a well-formed presence document.
[[nodiscard]] std::optional<Pidf> ParsePidf(std::string_view xml);
std::string BuildPidf(const Pidf& pidf);

}  // namespace byon::presence
