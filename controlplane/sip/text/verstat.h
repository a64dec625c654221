#pragma once

#include <string>
#include <string_view>

#include "controlplane/call/party.h"

// The parameter `verstat` of a caller's URI (TS 24.229 section 7.2A.20): of the number, in a tel: URI and in the user
// part of a SIP URI, or of the SIP URI, as many networks write it.
namespace byon::sip {

// What it says, an attestation level behind it (TN-Validation-Passed-A) left aside; kUntold: it is not there, or has a
// value of somebody's own. Of several the least good counts.
[[nodiscard]] call::NumberCheck NumberCheckOf(std::string_view uri);

// The URI without it.
[[nodiscard]] std::string WithoutVerstat(std::string_view uri);

// The value for a check; empty for kUntold.
[[nodiscard]] std::string_view VerstatOf(call::NumberCheck check);

// Of two checks of one number the one to go by: failed before not done, not done before passed, all before nothing.
[[nodiscard]] call::NumberCheck LeastGood(call::NumberCheck a, call::NumberCheck b);

}  // namespace byon::sip
