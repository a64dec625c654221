#include "controlplane/auth/digest.h"

#include <openssl/evp.h>

#include <array>
#include <cstdio>

#include "controlplane/auth/digest_parameters.h"
#include "dataplane/base/check.h"

namespace byon::auth {
namespace {

constexpr size_t kMaxChallengeBytes = 4096;

bool ListContains(std::string_view list, std::string_view wanted) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    std::string_view item = list.substr(0, comma);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    if (LowerCase(item) == wanted) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

std::string Quoted(std::string_view text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') result.push_back('\\');
    result.push_back(c);
  }
  return result + "\"";
}

std::string_view Name(DigestAlgorithm algorithm) {
  switch (algorithm) {
    case DigestAlgorithm::kSha256: return "SHA-256";
    case DigestAlgorithm::kAkaV1Md5: return "AKAv1-MD5";
    case DigestAlgorithm::kMd5: break;
  }
  return "MD5";
}

std::optional<DigestAlgorithm> AlgorithmOf(std::string_view lower_case_name) {
  if (lower_case_name == "md5") return DigestAlgorithm::kMd5;
  if (lower_case_name == "sha-256") return DigestAlgorithm::kSha256;
  if (lower_case_name == "akav1-md5") return DigestAlgorithm::kAkaV1Md5;
  return std::nullopt;
}

std::string Base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(length));
  return text;
}

}  // namespace

std::optional<DigestChallenge> ParseDigestChallenge(std::string_view header_value) {
  if (header_value.size() > kMaxChallengeBytes) return std::nullopt;
  if (!TakeScheme(header_value, "digest")) return std::nullopt;
  DigestChallenge challenge;
  bool has_realm = false;
  bool has_nonce = false;
  ParameterScanner scanner(header_value);
  std::string name;
  std::string value;
  while (scanner.Next(name, value)) {
    if (name == "realm") {
      challenge.realm = value;
      has_realm = true;
    } else if (name == "nonce") {
      challenge.nonce = value;
      has_nonce = true;
    } else if (name == "opaque") {
      challenge.opaque = value;
    } else if (name == "stale") {
      challenge.is_stale = LowerCase(value) == "true";
    } else if (name == "algorithm") {
      const auto algorithm = AlgorithmOf(LowerCase(value));
      if (!algorithm) return std::nullopt;
      challenge.has_algorithm = true;
      challenge.algorithm = *algorithm;
    } else if (name == "qop") {
      if (!ListContains(value, "auth")) return std::nullopt;
      challenge.has_qop_auth = true;
    }
  }
  if (!scanner.ok() || !has_realm || !has_nonce) return std::nullopt;
  return challenge;
}

std::string DigestHex(DigestAlgorithm algorithm, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned length = 0;
  const EVP_MD* type = algorithm == DigestAlgorithm::kSha256 ? EVP_sha256() : EVP_md5();
  BYON_CHECK(EVP_Digest(text.data(), text.size(), hash.data(), &length, type, nullptr) == 1,
             "OpenSSL was built without the digest's hash");
  std::string hex;
  hex.reserve(size_t{length} * 2);
  for (unsigned i = 0; i < length; ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex.push_back(kDigits[hash[i] >> 4]);
    hex.push_back(kDigits[hash[i] & 0xf]);
  }
  return hex;
}

std::string DigestSession::Authorize(std::string_view method, std::string_view uri, std::string_view username,
                                     std::string_view password, std::string_view cnonce) {
  const auto hash = [this](const std::string& text) { return DigestHex(challenge_.algorithm, text); };
  const std::string user(username);
  const std::string ha1 = hash(user + ":" + challenge_.realm + ":" + std::string(password));
  const std::string ha2 = hash(std::string(method) + ":" + std::string(uri));
  ++nonce_count_;
  std::array<char, 9> count{};
  std::snprintf(count.data(), count.size(), "%08x", nonce_count_);

  std::string response;
  if (challenge_.has_qop_auth) {
    response = hash(ha1 + ":" + challenge_.nonce + ":" + count.data() + ":" + std::string(cnonce) + ":auth:" + ha2);
  } else {
    response = hash(ha1 + ":" + challenge_.nonce + ":" + ha2);
  }
  std::string header = "Digest username=" + Quoted(user) + ",realm=" + Quoted(challenge_.realm) +
                       ",nonce=" + Quoted(challenge_.nonce) + ",uri=" + Quoted(uri) + ",response=\"" + response + "\"";
  if (challenge_.has_algorithm || challenge_.algorithm != DigestAlgorithm::kMd5) {
    header += ",algorithm=";
    header += Name(challenge_.algorithm);
  }
  if (challenge_.has_qop_auth) {
    header += ",qop=auth,nc=" + std::string(count.data()) + ",cnonce=" + Quoted(cnonce);
  }
  if (!challenge_.opaque.empty()) header += ",opaque=" + Quoted(challenge_.opaque);
  return header;
}

std::string DigestSession::AuthorizeResync(std::string_view method, std::string_view uri, std::string_view username,
                                           std::string_view auts, std::string_view cnonce) {
  return Authorize(method, uri, username, {}, cnonce) + ",auts=" + Quoted(Base64(auts));
}

std::string DigestSession::RefuseChallenge(std::string_view uri, std::string_view username) const {
  std::string header = "Digest username=" + Quoted(username) + ",realm=" + Quoted(challenge_.realm) +
                       ",nonce=" + Quoted(challenge_.nonce) + ",uri=" + Quoted(uri) + ",response=\"\",algorithm=";
  header += Name(challenge_.algorithm);
  return header;
}

}  // namespace byon::auth
