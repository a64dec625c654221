#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace byon::auth {

// The signature algorithms that may ever be allowed: no symmetric ones, no `none` (RFC 8725 section 3.1).
enum class Algorithm : uint8_t { kRs256, kPs256, kEs256, kEdDsa };

// "RS256", "PS256", "ES256", "EdDSA", in exactly this spelling.
[[nodiscard]] std::optional<Algorithm> ParseAlgorithm(std::string_view name);
std::string_view ToString(Algorithm algorithm);

// Whether the signature of the text was made with the private half of the key. The key's type must be the
// algorithm's; JwkSet sees to that. RFC 7518 sections 3.3 to 3.5, RFC 8037 section 3.1.
[[nodiscard]] bool VerifySignature(Algorithm algorithm, evp_pkey_st* key, std::string_view text,
                                   std::string_view signature);

}  // namespace byon::auth
