#pragma once

#include <optional>

#include "controlplane/call/party.h"
#include "controlplane/sip/message_view.h"
#include "controlplane/sip/sip_config.h"

namespace byon::sip {

// Who sent a request: P-Asserted-Identity, which the peers that may speak to us are trusted with (RFC 3325), else From;
// nothing when withheld by Privacy (RFC 3323) or unusable. The display name is empty where it is not safe to show.
// `verstat` is taken out of the URI, and counts where the network is known to write it (SipConfig::believes_verstat):
// that of From only for the number that is shown.
[[nodiscard]] std::optional<call::Party> SenderOf(const MessageView& request, const SipConfig& config);

}  // namespace byon::sip
