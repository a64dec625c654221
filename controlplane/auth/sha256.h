#pragma once

#include <string>
#include <string_view>

namespace byon::auth {

// SHA-256 (FIPS 180-4) as 64 lower-case hex digits: what is kept of a secret that only has to be recognised again.
[[nodiscard]] std::string Sha256Hex(std::string_view text);

}  // namespace byon::auth
