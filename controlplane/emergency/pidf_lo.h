#pragma once

#include <chrono>
#include <string>

#include "controlplane/emergency/location.h"

namespace byon::emergency {

inline constexpr char kPidfLoType[] = "application/pidf+xml";

// The location of a caller as a presence document: `entity` is the caller's URI, `device_id` a URN of his device. A position
// and a civic address stand side by side, the position first (RFC 5491 section 3). Empty for an empty location.
[[nodiscard]] std::string BuildPidfLo(const Location& location, const std::string& entity, const std::string& device_id,
                                      std::chrono::system_clock::time_point now);

}  // namespace byon::emergency
