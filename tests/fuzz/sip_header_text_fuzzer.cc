#include <cstddef>
#include <cstdint>
#include <string_view>

#include "controlplane/sip/text/header_text.h"
#include "controlplane/sip/text/session_id.h"
#include "controlplane/sip/text/session_timer.h"
#include "controlplane/sip/text/verstat.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const std::string& item : byon::sip::SplitHeaderList(text)) {
    if (const auto address = byon::sip::ParseNameAddr(item)) (void)byon::sip::ParseUri(address->uri);
  }
  if (byon::sip::IsSafeUri(text) && text.find_first_of("<>\"\r\n ") != text.npos) __builtin_trap();
  if (byon::sip::QuoteDisplayName(text).find('\n') != std::string::npos) __builtin_trap();
  if (!byon::sip::IsSafeText(byon::sip::ParseChargingId(text))) __builtin_trap();
  (void)byon::sip::FormatReason(byon::sip::ParseReason(text));
  (void)byon::sip::ParseSessionExpires(text);
  if (const auto uuid = byon::sip::ParseSessionId(text)) {
    if (!byon::sip::IsSessionUuid(*uuid)) __builtin_trap();
  }
  if (byon::sip::IsServiceUrn(text) && text.find_first_of("<>\"\r\n; ") != text.npos) __builtin_trap();
  const std::string bare = byon::sip::WithoutVerstat(text);
  if (byon::sip::NumberCheckOf(bare) != byon::call::NumberCheck::kUntold || bare.size() > text.size()) __builtin_trap();
  return 0;
}
