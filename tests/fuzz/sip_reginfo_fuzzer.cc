#include <cstddef>
#include <cstdint>
#include <string_view>

#include "controlplane/sip/text/reginfo.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)byon::sip::ParseReginfo(text);
  (void)byon::sip::FirstElementText(text, "type");
  return 0;
}
