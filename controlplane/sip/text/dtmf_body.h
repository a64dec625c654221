#pragma once

#include <optional>
#include <string_view>

namespace byon::sip {

// A digit that came by INFO.
struct DtmfDigit {
  char digit = 0;  // 0-9 * # A-D
  int duration_ms = 0;
};

// Is this a type of body that carries a digit: application/dtmf-relay or application/dtmf (RFC 2976)?
[[nodiscard]] bool IsDtmfType(std::string_view content_type);
// `content_type` in lower case, without parameters. dtmf-relay is "Signal=5" and "Duration=160" (ms), one a line; dtmf
// the digit alone. Without a duration it is 160 ms, a longer one is cut to 10 s. Nothing when it is malformed or no
// digit.
[[nodiscard]] std::optional<DtmfDigit> ParseDtmfBody(std::string_view content_type, std::string_view body);

}  // namespace byon::sip
