// SIP as a browser might send it: what parses can be written and is the same again, what is refused is refused
// without harm, and no answer of ours has a line that the client wrote.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "controlplane/auth/digest_credentials.h"
#include "controlplane/web_sip/dtmf_relay.h"
#include "controlplane/web_sip/message.h"
#include "controlplane/web_sip/request_head.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon::web_sip;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)ReadDtmf("application/dtmf-relay", text);
  (void)byon::auth::ParseDigestCredentials(text);
  const auto message = SipMessage::Parse(text);
  if (!message) return 0;
  // Compact names and a missing Content-Length make it longer: near the limits it may not come back.
  if (size > SipMessage::kMaxLineBytes / 2) return 0;
  const auto again = SipMessage::Parse(message->Serialize());
  if (!again || again->body() != message->body() || again->method() != message->method()) abort();
  if (!message->is_request()) {
    (void)ReadResponseHead(*message);
    return 0;
  }
  (void)ReadHead(*message, "gw.example");
  if (!CanBeAnswered(*message)) return 0;
  const auto answer = SipMessage::Parse(ResponseTo(*message, 400, "tag").Serialize());
  if (!answer || answer->status() != 400 || answer->Count("Via") != message->Count("Via")) abort();
  return 0;
}
