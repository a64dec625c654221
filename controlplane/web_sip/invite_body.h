#pragma once

#include <string>
#include <variant>

#include "controlplane/emergency/location.h"
#include "controlplane/web_sip/message.h"
#include "controlplane/web_sip/request_head.h"

namespace byon::web_sip {

// What the body of a client's INVITE holds, in one piece or in parts (RFC 5621 section 3).
struct InviteBody {
  std::string offer;             // the session description
  emergency::Location location;  // of a PIDF-LO beside it (RFC 6442), for calls for help; empty: none
};

// The body, or the answer to a client whose body is none that a call can be made of: 400 and 415, 488 where there is no
// offer, 424 for a location that says what cannot be.
[[nodiscard]] std::variant<InviteBody, Rejection> ReadInviteBody(const SipMessage& invite);

}  // namespace byon::web_sip
