#include "controlplane/auth/sha256.h"

#include <openssl/evp.h>

#include <array>

#include "dataplane/base/check.h"

namespace byon::auth {

std::string Sha256Hex(std::string_view text) {
  std::array<unsigned char, 32> hash{};
  const bool is_good = EVP_Digest(text.data(), text.size(), hash.data(), nullptr, EVP_sha256(), nullptr) == 1;
  BYON_CHECK(is_good, "SHA-256 is always there");
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * hash.size());
  for (const unsigned char byte : hash) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 0xf];
  }
  return hex;
}

}  // namespace byon::auth
