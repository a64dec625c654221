#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tools/simphone/dialog.h"
#include "tools/simphone/digest.h"
#include "tools/simphone/session_description.h"
#include "tools/simphone/sip_message.h"

// What parses as SIP is written so that it parses to the same; framing never promises less than a
// header.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon::simphone;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto length = SipMessage::FrameLength(text); length && *length < 4) std::abort();
  if (const auto message = SipMessage::Parse(text)) {
    const auto again = SipMessage::Parse(message->Serialize());
    if (!again || again->method() != message->method() || again->body() != message->body()) std::abort();
    (void)Dialog::FromInvite(*message, "tag").NextHop();
    (void)DigestChallenge::Parse(message->Header("WWW-Authenticate"));
    for (const auto& via : message->HeaderList("Via")) (void)FindParameter(via, "branch");
  }
  if (const auto remote = AudioDescription::Parse(text)) {
    if (const auto picked = Negotiate(MakeFormats({}), *remote)) (void)AnswerFormats(*picked);
  }
  return 0;
}
