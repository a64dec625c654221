#pragma once

#include <optional>
#include <string>
#include <string_view>

// Session-ID (RFC 7989): one name of a call in the records of everybody whom it passes.
namespace byon::sip {

// The header field's value; `remote` is the null UUID while nobody has said it.
[[nodiscard]] std::string FormatSessionId(const std::string& local, const std::string& remote);
// The UUID of who sent this value: 32 lower-case hexadecimal digits, not all 0.
[[nodiscard]] std::optional<std::string> ParseSessionId(std::string_view value);
[[nodiscard]] bool IsSessionUuid(std::string_view text);

}  // namespace byon::sip
