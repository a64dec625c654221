#pragma once

#include <string>
#include <string_view>

namespace byon::sip {

// What the network says of a status, as people may read it: its own phrase where that is made of words only. Host
// names, addresses and the like tell of the core's inside, and are nobody's business (TS 24.229 section 5.10): then the
// words of the standard (RFC 3261 section 21), empty for a status that has none.
[[nodiscard]] std::string ShownPhrase(int status, std::string_view phrase);

}  // namespace byon::sip
