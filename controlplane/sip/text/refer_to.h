#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controlplane/call/sip_signaling.h"

namespace byon::sip {

// What a Refer-To names (RFC 3515 section 2.1).
struct ReferTo {
  std::string uri;                               // sip:, sips: or tel:, without header fields and method
  bool is_invite = true;                         // its method parameter asks for an INVITE, or there is none
  std::optional<call::ReplacedDialog> replaces;  // of its header fields (RFC 5589 section 7.1); all others are left out
};
// Nothing when the value is no address, or its Replaces is malformed or given twice.
[[nodiscard]] std::optional<ReferTo> ParseReferTo(std::string_view header_value);

// The value of a Refer-To of ours: a safe URI, and what is added to it as header fields (RFC 3261 section 19.1.1),
// escaped. A URI with header fields of its own loses them.
[[nodiscard]] std::string FormatReferTo(std::string_view uri,
                                        const std::vector<std::pair<std::string, std::string>>& headers);

}  // namespace byon::sip
