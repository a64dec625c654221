#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "controlplane/sip/text/multipart.h"

// The first line is Content-Type, what follows the body.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t line = std::min(text.find('\n'), size);
  const std::string_view type = text.substr(0, line);
  const std::string_view body = text.substr(std::min(line + 1, size));
  const auto verdict = byon::sip::FindSdp(type, "", body);
  const auto is_within = [&](std::string_view part) {
    return part.empty() || (part.data() >= body.data() && part.data() + part.size() <= body.data() + body.size());
  };
  if (verdict.content && !is_within(*verdict.content)) __builtin_trap();
  if (!is_within(byon::sip::FindPart(type, body, "application/3gpp-ims+xml"))) __builtin_trap();
  return 0;
}
