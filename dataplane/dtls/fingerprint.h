#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/base/bytes.h"

namespace byon::dtls {

// Hash functions accepted for certificate fingerprints, weakest first. sha-1 and md5 are refused.
enum class FingerprintAlgorithm : uint8_t { kSha256, kSha384, kSha512 };

constexpr size_t DigestBytes(FingerprintAlgorithm algorithm) {
  return algorithm == FingerprintAlgorithm::kSha256 ? 32 : algorithm == FingerprintAlgorithm::kSha384 ? 48 : 64;
}
std::string_view AlgorithmName(FingerprintAlgorithm algorithm);

// The hash of a certificate as SDP carries it (RFC 8122 section 5).
struct DtlsFingerprint {
  FingerprintAlgorithm algorithm = FingerprintAlgorithm::kSha256;
  std::array<std::byte, 64> digest_storage{};

  base::ByteSpan digest() const { return base::ByteSpan(digest_storage).first(DigestBytes(algorithm)); }
  bool operator==(const DtlsFingerprint&) const = default;

  // From the algorithm's name (any case) and "AA:BB:..."; nothing when the algorithm is not accepted
  // or the value is not a digest of its length.
  static std::optional<DtlsFingerprint> Parse(std::string_view algorithm, std::string_view value);
  // "AA:BB:...".
  std::string ToText() const;
};

}  // namespace byon::dtls
