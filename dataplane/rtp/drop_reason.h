#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace byon::rtp {

// Why an RTP or RTCP packet was refused by its parser.
enum class DropReason : uint8_t {
  kTruncatedHeader,  // shorter than the fixed header and its CSRC list
  kBadVersion,       // not version 2
  kBadExtension,     // the extension block runs past the packet
  kBadPadding,       // the padding count is zero or larger than what is left
  kRtcpTruncated,    // a block's length runs past the datagram
  kRtcpBadVersion,
  kRtcpBadType,     // the packet type is not one of 192 to 223, or the first is unfit
  kRtcpBadPadding,  // padding on another than the last block, or a bad count
  kRtcpBadBody,     // the body of a report, BYE or XR contradicts its count or lengths
};
inline constexpr size_t kDropReasonCount = static_cast<size_t>(DropReason::kRtcpBadBody) + 1;

// The counter's name, "rtp_bad_version".
std::string_view DropReasonName(DropReason reason);

}  // namespace byon::rtp
