#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "controlplane/emergency/location.h"

namespace byon::emergency {

inline constexpr char kPidfLoType[] = "application/pidf+xml";

// The location of a caller as a presence document: `entity` is the caller's URI, `device_id` a URN of his device. A
// position and a civic address stand side by side, the position first (RFC 5491 section 3). Empty for an empty
// location.
[[nodiscard]] std::string BuildPidfLo(const Location& location, const std::string& entity, const std::string& device_id,
                                      std::chrono::system_clock::time_point now);

// What such a document says, of whomever: its first position (Point, Circle, Sphere, Ellipse as the circle around it,
// Ellipsoid; RFC 5491 section 5.2) and its first civic address. Nothing for a document that is malformed, says
// something that cannot be (a latitude of 91 degrees, a unit that is not metres), or has neither.
[[nodiscard]] std::optional<Location> ReadPidfLo(std::string_view text);

}  // namespace byon::emergency
