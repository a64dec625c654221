#include <cstddef>
#include <cstdint>
#include <string_view>

#include "controlplane/sip/text/sip_fragment.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto status = byon::sip::ParseSipFragment({reinterpret_cast<const char*>(data), size});
  if (!status) return 0;
  if (status->code < 100 || status->code > 699 || status->phrase.size() > 128) __builtin_trap();
  if (status->phrase.find_first_of("\r\n") != std::string::npos) __builtin_trap();
  return 0;
}
