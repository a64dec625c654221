#include "controlplane/auth/digest_credentials.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "controlplane/auth/digest_parameters.h"

namespace byon::auth {
namespace {

constexpr size_t kMaxHeaderBytes = 4096;
constexpr size_t kNonceCountDigits = 8;

bool IsLowerHex(std::string_view text, size_t digits) {
  return text.size() == digits &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::optional<uint32_t> ReadNonceCount(std::string_view text) {
  uint32_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count, 16);
  const bool is_whole = text.size() == kNonceCountDigits && end == text.data() + text.size();
  if (error != std::errc() || !is_whole || count == 0) return std::nullopt;
  return count;
}

bool AreEqualInConstantTime(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

}  // namespace

std::optional<DigestCredentials> ParseDigestCredentials(std::string_view header_value) {
  if (header_value.size() > kMaxHeaderBytes || !TakeScheme(header_value, "digest")) return std::nullopt;
  DigestCredentials credentials;
  std::set<std::string> seen;
  ParameterScanner scanner(header_value);
  std::string name;
  std::string value;
  while (scanner.Next(name, value)) {
    if (!seen.insert(name).second) return std::nullopt;
    if (name == "username") credentials.username = value;
    if (name == "realm") credentials.realm = value;
    if (name == "nonce") credentials.nonce = value;
    if (name == "uri") credentials.uri = value;
    if (name == "cnonce") credentials.cnonce = value;
    if (name == "opaque") credentials.opaque = value;
    if (name == "response") credentials.response = LowerCase(value);
    if (name == "qop" && LowerCase(value) != "auth") return std::nullopt;
    if (name == "nc") {
      const auto count = ReadNonceCount(value);
      if (!count) return std::nullopt;
      credentials.nonce_count = *count;
    }
    if (name == "algorithm") {
      const std::string algorithm = LowerCase(value);
      if (algorithm != "md5" && algorithm != "sha-256") return std::nullopt;
      if (algorithm == "sha-256") credentials.algorithm = DigestAlgorithm::kSha256;
    }
  }
  if (!scanner.ok()) return std::nullopt;
  for (const char* needed : {"username", "realm", "nonce", "uri", "response", "qop", "nc", "cnonce"}) {
    if (!seen.contains(needed)) return std::nullopt;
  }
  const size_t digits = credentials.algorithm == DigestAlgorithm::kMd5 ? 32 : 64;
  if (!IsLowerHex(credentials.response, digits)) return std::nullopt;
  return credentials;
}

bool IsDigestResponseRight(const DigestCredentials& credentials, std::string_view method, std::string_view password) {
  const auto hash = [&](const std::string& text) { return DigestHex(credentials.algorithm, text); };
  const std::string ha1 = hash(credentials.username + ":" + credentials.realm + ":" + std::string(password));
  const std::string ha2 = hash(std::string(method) + ":" + credentials.uri);
  std::string count(kNonceCountDigits, '0');
  for (size_t i = 0; i < kNonceCountDigits; ++i) {
    count[i] = "0123456789abcdef"[credentials.nonce_count >> (4 * (kNonceCountDigits - 1 - i)) & 0xf];
  }
  const std::string expected =
      hash(ha1 + ":" + credentials.nonce + ":" + count + ":" + credentials.cnonce + ":auth:" + ha2);
  return AreEqualInConstantTime(expected, credentials.response);
}

}  // namespace byon::auth
