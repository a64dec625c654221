#include "tools/simphone/digest.h"

#include <openssl/evp.h>

#include <array>
#include <cstdio>

#include "tools/simphone/sip_message.h"

namespace byon::simphone {
namespace {

std::string HexHash(const EVP_MD* function, const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &length, function, nullptr);
  std::string hex;
  for (unsigned int i = 0; i < length; ++i) {
    std::array<char, 3> pair{};
    std::snprintf(pair.data(), pair.size(), "%02x", digest[i]);
    hex += pair.data();
  }
  return hex;
}

// Turns the comma-separated list of a challenge into ;name=value;name="value".
std::string AsParameters(std::string_view list) {
  std::string parameters = ";";
  bool in_quotes = false;
  for (const char c : list) {
    if (c == '"') in_quotes = !in_quotes;
    parameters += c == ',' && !in_quotes ? ';' : c;
  }
  return parameters;
}

}  // namespace

std::optional<DigestChallenge> DigestChallenge::Parse(std::string_view header_value) {
  const std::string_view value = Trim(header_value);
  if (value.size() < 7 || !EqualNoCase(value.substr(0, 7), "Digest ")) return std::nullopt;
  const std::string parameters = AsParameters(value.substr(7));
  DigestChallenge challenge;
  challenge.realm = FindParameter(parameters, "realm").value_or("");
  challenge.nonce = FindParameter(parameters, "nonce").value_or("");
  challenge.opaque = FindParameter(parameters, "opaque").value_or("");
  challenge.algorithm = FindParameter(parameters, "algorithm").value_or("");
  const std::string qop = FindParameter(parameters, "qop").value_or("");
  challenge.has_qop_auth = qop.find("auth") != std::string::npos;
  const bool known = challenge.algorithm.empty() || EqualNoCase(challenge.algorithm, "MD5") ||
                     EqualNoCase(challenge.algorithm, "SHA-256");
  if (!known || challenge.nonce.empty()) return std::nullopt;
  return challenge;
}

std::string MakeAuthorization(const DigestChallenge& challenge, const DigestCredentials& credentials,
                              std::string_view method, std::string_view uri, uint32_t nonce_count,
                              std::string_view client_nonce) {
  const EVP_MD* function = EqualNoCase(challenge.algorithm, "SHA-256") ? EVP_sha256() : EVP_md5();
  const std::string a1 = credentials.username + ":" + challenge.realm + ":" + credentials.password;
  const std::string a2 = std::string(method) + ":" + std::string(uri);
  std::array<char, 9> count{};
  std::snprintf(count.data(), count.size(), "%08x", nonce_count);
  std::string middle = ":" + challenge.nonce + ":";
  if (challenge.has_qop_auth) {
    middle += std::string(count.data()) + ":" + std::string(client_nonce) + ":auth:";
  }
  const std::string response = HexHash(function, HexHash(function, a1) + middle + HexHash(function, a2));

  std::string value = "Digest username=\"" + credentials.username + "\", realm=\"" + challenge.realm + "\", nonce=\"" +
                      challenge.nonce + "\", uri=\"" + std::string(uri) + "\", response=\"" + response + "\"";
  if (!challenge.algorithm.empty()) value += ", algorithm=" + challenge.algorithm;
  if (!challenge.opaque.empty()) value += ", opaque=\"" + challenge.opaque + "\"";
  if (challenge.has_qop_auth) {
    value += ", qop=auth, nc=" + std::string(count.data()) + ", cnonce=\"" + std::string(client_nonce) + "\"";
  }
  return value;
}

}  // namespace byon::simphone
