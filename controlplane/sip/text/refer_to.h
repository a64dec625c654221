#pragma once

#include <optional>
#include <string>
#include <string_view>

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

}  // namespace byon::sip
