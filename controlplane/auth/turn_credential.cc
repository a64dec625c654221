#include "controlplane/auth/turn_credential.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdint>

#include "controlplane/auth/base64url.h"
#include "dataplane/base/check.h"

namespace byon::auth {
namespace {

constexpr size_t kPseudonymCharacters = 22;

std::string Hmac(const EVP_MD* digest, const std::string& key, const std::string& text) {
  unsigned char result[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  const auto* done = HMAC(digest, key.data(), static_cast<int>(key.size()),
                          reinterpret_cast<const unsigned char*>(text.data()), text.size(), result, &size);
  BYON_CHECK(done != nullptr, "HMAC cannot fail with a digest of the default provider");
  return {reinterpret_cast<const char*>(result), size};
}

// RFC 4648 section 4, with padding.
std::string Base64(const std::string& bytes) {
  std::string text((bytes.size() + 2) / 3 * 4, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), reinterpret_cast<const unsigned char*>(bytes.data()),
                  static_cast<int>(bytes.size()));
  return text;
}

}  // namespace

TurnCredential MakeTurnCredential(const std::string& secret, const std::string& user,
                                  std::chrono::system_clock::time_point expires_at) {
  const auto end = std::chrono::duration_cast<std::chrono::seconds>(expires_at.time_since_epoch()).count();
  const std::string pseudonym =
      EncodeBase64Url(Hmac(EVP_sha256(), secret, "user " + user)).substr(0, kPseudonymCharacters);
  const std::string username = std::to_string(end) + ":" + pseudonym;
  return {username, Base64(Hmac(EVP_sha1(), secret, username))};
}

}  // namespace byon::auth
