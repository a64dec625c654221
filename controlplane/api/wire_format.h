#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "controlplane/api/clock_and_timers.h"

namespace byon::api {

// RFC 3339 date-time with an offset, at most 64 characters. Fractions below a millisecond are cut; a leap
// second counts as the next second. Nothing for any other text.
[[nodiscard]] std::optional<WallTime> ParseDateTime(std::string_view text);
// "2026-05-05T13:32:17.358Z".
std::string FormatDateTime(WallTime time);

// 8-4-4-4-12 hex digits (RFC 9562), any version, either case.
bool IsUuid(std::string_view text);
// ^\+[1-9][0-9]{4,14}$
bool IsPhoneNumber(std::string_view text);
// The x-correlator pattern of CAMARA, up to 256 characters.
bool IsCorrelator(std::string_view text);
// The Address pattern of webrtc-call-handling r3.1: tel, sip, urn:service:sos, anonymous; up to 256.
bool IsCallAddress(std::string_view text);
// The narrower address pattern of the events API.
bool IsEventAddress(std::string_view text);
// An address for an event: unchanged when the events API can say it, else the digits or the user part as
// sip:...@home_domain.
std::string ToEventAddress(std::string_view address, const std::string& home_domain);

// Valid UTF-8 without control characters (C0, DEL, C1, line and paragraph separators).
bool IsPlainText(std::string_view text);
// Characters, not bytes, of valid UTF-8.
size_t CharacterCount(std::string_view text);

// Percent-decoding of a path segment or query value; nothing for a broken escape or a NUL.
[[nodiscard]] std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space);
// Whether a query names a parameter, well or badly encoded.
[[nodiscard]] bool HasQuery(std::string_view query, std::string_view name);
// The value of a query parameter, decoded; nothing when absent or broken.
[[nodiscard]] std::optional<std::string> QueryValue(std::string_view query, std::string_view name);

}  // namespace byon::api
