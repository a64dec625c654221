#include <cstddef>
#include <cstdint>
#include <string_view>

#include "controlplane/messaging/page_content.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)byon::messaging::ReadPageContent("message/cpim", text);
  (void)byon::messaging::ReadPageContent("message/imdn+xml", text);
  (void)byon::messaging::ReadPageContent("text/plain", text);
  (void)byon::messaging::ReadPageContent(text, "x");
  return 0;
}
