#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace byon::web_sip {

// The digit of an INFO body of type application/dtmf-relay ("Signal=5\r\nDuration=160") or application/dtmf
// ("5"). One of 0-9, *, #, A-D; nothing for anything else.
[[nodiscard]] std::optional<std::string> ReadDtmf(std::string_view content_type, std::string_view body);
// The body of our own INFO of type application/dtmf-relay. `duration_ms` is bounded to 40 to 8000.
std::string DtmfRelayBody(const std::string& digit, int duration_ms);

}  // namespace byon::web_sip
