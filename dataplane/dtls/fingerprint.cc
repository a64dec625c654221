#include "dataplane/dtls/fingerprint.h"

#include <algorithm>

namespace byon::dtls {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::optional<unsigned> HexDigit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  const char lower = Lower(c);
  if (lower >= 'a' && lower <= 'f') return static_cast<unsigned>(lower - 'a') + 10;
  return std::nullopt;
}

std::optional<FingerprintAlgorithm> AlgorithmFromName(std::string_view name) {
  for (const FingerprintAlgorithm algorithm :
       {FingerprintAlgorithm::kSha256, FingerprintAlgorithm::kSha384, FingerprintAlgorithm::kSha512}) {
    if (std::ranges::equal(name, AlgorithmName(algorithm), {}, Lower)) return algorithm;
  }
  return std::nullopt;
}

}  // namespace

std::string_view AlgorithmName(FingerprintAlgorithm algorithm) {
  switch (algorithm) {
    case FingerprintAlgorithm::kSha256: return "sha-256";
    case FingerprintAlgorithm::kSha384: return "sha-384";
    case FingerprintAlgorithm::kSha512: return "sha-512";
  }
  return "unknown";
}

std::optional<DtlsFingerprint> DtlsFingerprint::Parse(std::string_view algorithm, std::string_view value) {
  const auto known = AlgorithmFromName(algorithm);
  if (!known) return std::nullopt;
  const size_t digest_bytes = DigestBytes(*known);
  if (value.size() != digest_bytes * 3 - 1) return std::nullopt;
  DtlsFingerprint result;
  result.algorithm = *known;
  for (size_t i = 0; i < digest_bytes; ++i) {
    const auto high = HexDigit(value[i * 3]);
    const auto low = HexDigit(value[i * 3 + 1]);
    if (!high || !low) return std::nullopt;
    if (i + 1 < digest_bytes && value[i * 3 + 2] != ':') return std::nullopt;
    result.digest_storage[i] = static_cast<std::byte>(*high << 4 | *low);
  }
  return result;
}

std::string DtlsFingerprint::ToText() const {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  for (const std::byte b : digest()) {
    if (!text.empty()) text += ':';
    text += kDigits[std::to_integer<unsigned>(b) >> 4];
    text += kDigits[std::to_integer<unsigned>(b) & 0xf];
  }
  return text;
}

}  // namespace byon::dtls
