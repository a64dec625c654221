#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace byon::sip {

// How far a request is that somebody else makes for us: message/sipfrag (RFC 3420) in a NOTIFY of the event refer.
struct ReportedStatus {
  int code = 0;        // 100 to 699
  std::string phrase;  // printable, at most 128 bytes
};
// Of its status line; nothing when the fragment does not begin with one of SIP/2.0 (RFC 3515 section 2.4.5).
[[nodiscard]] std::optional<ReportedStatus> ParseSipFragment(std::string_view body);

}  // namespace byon::sip
