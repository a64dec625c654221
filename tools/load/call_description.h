#pragma once

#include <string>
#include <string_view>

#include "dataplane/base/result.h"
#include "tools/load/media_node.h"

namespace byon::load {

// What a call's ends say of themselves in SDP, to a media node that is spoken to that way.

// The browser's offer: one audio section with Opus, ICE and DTLS-SRTP.
std::string DescribeBrowser(const Profile& profile, const CallRequest& request);

// The phone's end, in answer to what the node offers it.
struct PhoneAnswer {
  std::string sdp;
  net::SocketAddress gateway_rtp, gateway_rtcp;
  uint8_t payload_type = 0;
};
// The error is a sentence: the offer has no such codec, or no address.
base::Result<PhoneAnswer, std::string> AnswerAsPhone(std::string_view offer, const CallRequest& request);

// The node's answer to the browser: fills in everything but the phone's side. The error is a
// sentence.
base::Result<NodeEnds, std::string> ReadAnswerToBrowser(std::string_view answer, bool gateway_is_dtls_client);

}  // namespace byon::load
