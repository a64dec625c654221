// What the INVITE of an emergency call has besides (TS 24.229 section 5.1.6.8, RFC 6442), and who turns out to have a
// call.
#include "controlplane/sip/calls/outgoing_call.h"

namespace byon::sip {

using call::CallId;
using call::SipSignalingObserver;

namespace {

constexpr size_t kMaxAssertedBytes = 256;

}  // namespace

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

// TS 24.229 section 5.1.2A.1.1: a response may assert that an emergency service has the call.
void OutgoingCall::TellAsserted(const MessageView& response) {
  if (invite_.emergency || invite_.uses_trunk) return;
  for (const std::string& value : response.Headers("P-Asserted-Identity")) {
    const auto asserted = ParseNameAddr(value);
    const bool is_usable = asserted && asserted->uri.size() <= kMaxAssertedBytes &&
                           (IsSafeUri(asserted->uri) || IsServiceUrn(asserted->uri));
    if (!is_usable || asserted->uri == asserted_) continue;
    asserted_ = asserted->uri;
    Notify([uri = asserted_](SipSignalingObserver& observer, const CallId& id) { observer.OnAsserted(id, uri); });
  }
}

}  // namespace byon::sip
