#pragma once

#include <string>
#include <string_view>

namespace byon::messaging {

// Valid UTF-8 (RFC 3629) without control characters but tab, line feed and carriage return.
bool IsMessageText(std::string_view text);
// What somebody else wrote, fit to be shown: control characters but tab and line feed are left out,
// CR LF and CR become LF. Nothing is changed in valid UTF-8 otherwise.
std::string CleanText(std::string_view text);
bool IsUtf8(std::string_view text);

}  // namespace byon::messaging
