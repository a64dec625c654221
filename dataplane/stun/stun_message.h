#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace byon::stun {

inline constexpr uint32_t kMagicCookie = 0x2112A442;  // RFC 8489 section 5
inline constexpr size_t kHeaderBytes = 20;

enum class MessageClass : uint8_t { kRequest = 0, kIndication = 1, kSuccess = 2, kError = 3 };
inline constexpr uint16_t kBindingMethod = 0x001;

using TransactionId = std::array<std::byte, 12>;

// RFC 8489 section 18.3, RFC 8445 section 16.1. Values below 0x8000 must be understood.
enum class AttributeType : uint16_t {
  kMappedAddress = 0x0001,
  kUsername = 0x0006,
  kMessageIntegrity = 0x0008,
  kErrorCode = 0x0009,
  kUnknownAttributes = 0x000A,
  kXorMappedAddress = 0x0020,
  kPriority = 0x0024,
  kUseCandidate = 0x0025,
  kSoftware = 0x8022,
  kFingerprint = 0x8028,
  kIceControlled = 0x8029,
  kIceControlling = 0x802A,
};

// Error codes, RFC 8489 section 14.8 and RFC 8445 section 7.3.1.1.
enum class ErrorCode : uint16_t {
  kBadRequest = 400,
  kUnauthenticated = 401,
  kUnknownAttribute = 420,
  kRoleConflict = 487,
  kServerError = 500,
};

}  // namespace byon::stun
