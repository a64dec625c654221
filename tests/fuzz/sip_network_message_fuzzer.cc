// SIP as the network might send it, read by the library and seen through MessageView: nothing does harm, and no
// header's text has a hole in it.
#include "controlplane/sip/sofia.h"
// The library's headers go first: they fix its context types.
#include "controlplane/sip/message_view.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using byon::sip::MessageView;
  if (size == 0 || size > 60'000) return 0;
  msg_t* message = msg_make(sip_default_mclass(), 0, data, static_cast<ssize_t>(size));
  if (message == nullptr) return 0;
  if (sip_t* sip = sip_object(message); sip != nullptr && sip->sip_error == nullptr) {
    const MessageView view(sip);
    for (const char* name : {"Contact", "WWW-Authenticate", "Service-Route", "Path", "Record-Route", "Reason",
                             "Replaces", "Refer-To", "P-Asserted-Identity", "Session-Expires", "Subscription-State"}) {
      // Of what the library itself has read no byte may be missing: it knows no NUL.
      if (view.Header(name).value_or("").find('\0') != std::string::npos) abort();
      (void)view.Headers(name);
    }
    (void)view.method();
    (void)view.request_uri();
    (void)view.phrase();
    (void)view.reason();
    (void)view.contact_uri();
    (void)view.RouteSet(true);
    (void)view.session_timer_request();
    (void)view.max_forwards();
    (void)view.sdp();
    (void)view.body_kind();
  }
  msg_destroy(message);
  return 0;
}
