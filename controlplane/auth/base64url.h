#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace byon::auth {

// base64url without padding (RFC 7515 appendix C). Nothing for any other character, an impossible length or
// bits that do not belong to a byte: one value has one spelling, so that caches cannot be fooled.
[[nodiscard]] std::optional<std::string> DecodeBase64Url(std::string_view text);
[[nodiscard]] std::string EncodeBase64Url(std::string_view bytes);

}  // namespace byon::auth
