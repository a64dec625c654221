#pragma once

#include <string>

#include "controlplane/call/sip_signaling.h"
#include "controlplane/sip/message_view.h"

// A call that goes on to somebody else than it was for: it stays its caller's.
namespace byon::sip {

// Who calls, withheld or not. Of a peer that may assert it: all that speak to us may.
[[nodiscard]] call::CallerIdentity ReadCaller(const MessageView& request);

// Value of From without its tag. Whoever wants privacy has no name in it, whatever else the way may show.
[[nodiscard]] std::string ForwardedFrom(const call::CallerIdentity& caller);

// Privacy, P-Asserted-Identity where the next hop takes our word for it (RFC 3325 section 5), Priority, and who sent
// the call on: Diversion (RFC 5806) or History-Info (RFC 7044) as its policy says.
void AddForwardedHeaders(std::string& headers, const call::ForwardedCall& forwarded, const std::string& target_uri,
                         bool is_trusted);

}  // namespace byon::sip
