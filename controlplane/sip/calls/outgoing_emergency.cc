// What the INVITE of an emergency call has besides (TS 24.229 section 5.1.6.8, RFC 6442).
#include "controlplane/sip/calls/outgoing_call.h"

namespace byon::sip {

// Each call's own: a Content-ID is unique in the world (RFC 2392), and what stands in no part can bound them.
std::string OutgoingCall::LocationId() const { return sip_call_id_ + "@" + context_.config.home_domain; }

std::string OutgoingCall::MultipartType() const { return "multipart/mixed;boundary=\"" + sip_call_id_ + "\""; }

std::string OutgoingCall::BodyWithLocation() const {
  const std::string location_headers = "Content-Type: application/pidf+xml\r\nContent-ID: <" + LocationId() +
                                       ">\r\nContent-Disposition: by-reference;handling=optional\r\n";
  return JoinMultipart(
      {{"Content-Type: application/sdp\r\n", invite_.sdp}, {location_headers, invite_.emergency->location}},
      sip_call_id_);
}

}  // namespace byon::sip
