#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "controlplane/auth/digest.h"

namespace byon::auth {

// The Authorization header of a client, scheme Digest with qop=auth (RFC 7616 section 3.4).
struct DigestCredentials {
  std::string username;
  std::string realm;
  std::string nonce;
  std::string uri;
  std::string response;  // lower-case hex
  std::string cnonce;
  std::string opaque;
  uint32_t nonce_count = 0;
  DigestAlgorithm algorithm = DigestAlgorithm::kMd5;
};

// Nothing when the value is not Digest, lacks a member, names one twice, or has an algorithm or qop that we
// never asked for.
[[nodiscard]] std::optional<DigestCredentials> ParseDigestCredentials(std::string_view header_value);

// Whether the client knows the password. Realm, nonce, nonce count and URI are the caller's to judge. The
// time it takes does not tell how much of the response was right.
[[nodiscard]] bool IsDigestResponseRight(const DigestCredentials& credentials, std::string_view method,
                                         std::string_view password);

}  // namespace byon::auth
