#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace byon::stun {

// Why bytes are not a STUN message.
enum class DropReason : uint8_t {
  kTruncated,     // shorter than the header, or than the length it names
  kBadType,       // one of the two top bits is set
  kBadCookie,     // not the magic cookie of RFC 8489 section 5
  kBadLength,     // not a multiple of four, or not the rest of the datagram
  kBadAttribute,  // an attribute runs past the message
};
inline constexpr size_t kDropReasonCount = static_cast<size_t>(DropReason::kBadAttribute) + 1;

// The counter's name, "stun_bad_cookie".
std::string_view DropReasonName(DropReason reason);

}  // namespace byon::stun
