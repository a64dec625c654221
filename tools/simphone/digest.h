#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace byon::simphone {

// A digest challenge (RFC 7616 section 3.3) and the phone's answer to it.
struct DigestChallenge {
  std::string realm;
  std::string nonce;
  std::string opaque;
  std::string algorithm;  // MD5 or SHA-256, as the challenge wrote it; empty: MD5
  bool has_qop_auth = false;

  // nullopt when the scheme is not Digest or the algorithm is not known.
  static std::optional<DigestChallenge> Parse(std::string_view header_value);
};

struct DigestCredentials {
  std::string username;
  std::string password;
};

// The Authorization value for one request. `nonce_count` starts at 1 for each new nonce.
std::string MakeAuthorization(const DigestChallenge& challenge, const DigestCredentials& credentials,
                              std::string_view method, std::string_view uri, uint32_t nonce_count,
                              std::string_view client_nonce);

}  // namespace byon::simphone
