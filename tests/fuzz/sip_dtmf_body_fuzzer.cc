#include <cstddef>
#include <cstdint>
#include <string_view>

#include "controlplane/sip/text/dtmf_body.h"
#include "controlplane/sip/text/replaces.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const char* type : {"application/dtmf-relay", "application/dtmf"}) {
    const auto digit = byon::sip::ParseDtmfBody(type, text);
    if (!digit) continue;
    const bool is_sane = std::string_view("0123456789*#ABCD").find(digit->digit) != std::string_view::npos &&
                         digit->duration_ms > 0 && digit->duration_ms <= 10'000;
    if (!is_sane) __builtin_trap();
  }
  const auto replaces = byon::sip::ParseReplaces(text);
  if (replaces && (replaces->call_id.empty() || replaces->local_tag.empty() || replaces->remote_tag.empty()))
    __builtin_trap();
  return 0;
}
