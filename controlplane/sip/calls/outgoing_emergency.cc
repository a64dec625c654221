// What the INVITE of an emergency call has besides (TS 24.229 section 5.1.6.8, RFC 6442), and who turns out to have a call.
#include "controlplane/sip/calls/outgoing_call.h"

namespace byon::sip {

using call::CallId;
using call::SipSignalingObserver;

namespace {

constexpr size_t kMaxAssertedBytes = 256;

std::string Part(const char* headers, const std::string& body) { return std::string(headers) + "\r\n" + body; }

}  // namespace

// Each call's own: a Content-ID is unique in the world (RFC 2392), and what stands in no part can bound them.
std::string OutgoingCall::LocationId() const { return sip_call_id_ + "@" + context_.config.home_domain; }

std::string OutgoingCall::MultipartType() const { return "multipart/mixed;boundary=\"" + sip_call_id_ + "\""; }

std::string OutgoingCall::BodyWithLocation() const {
  const std::string delimiter = "--" + sip_call_id_;
  const std::string location_headers = "Content-Type: application/pidf+xml\r\nContent-ID: <" + LocationId() +
                                       ">\r\nContent-Disposition: render;handling=optional\r\n";
  return delimiter + "\r\n" + Part("Content-Type: application/sdp\r\n", invite_.sdp) + "\r\n" + delimiter + "\r\n" +
         Part(location_headers.c_str(), invite_.emergency->location) + "\r\n" + delimiter + "--\r\n";
}

// TS 24.229 section 5.1.2A.1.1: a response may assert that an emergency service has the call.
void OutgoingCall::TellAsserted(const MessageView& response) {
  if (invite_.emergency || invite_.uses_trunk) return;
  for (const std::string& value : response.Headers("P-Asserted-Identity")) {
    const auto asserted = ParseNameAddr(value);
    const bool is_usable = asserted && asserted->uri.size() <= kMaxAssertedBytes && (IsSafeUri(asserted->uri) || IsServiceUrn(asserted->uri));
    if (!is_usable || asserted->uri == asserted_) continue;
    asserted_ = asserted->uri;
    Notify([uri = asserted_](SipSignalingObserver& observer, const CallId& id) { observer.OnAsserted(id, uri); });
  }
}

}  // namespace byon::sip
