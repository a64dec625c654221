#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "controlplane/api/wire_format.h"

// Texts of requests; an address made for an event is always one that events can say.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon::api;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto time = ParseDateTime(text); time && !ParseDateTime(FormatDateTime(*time))) __builtin_trap();
  if (!IsEventAddress(ToEventAddress(text, "ims.test"))) __builtin_trap();
  (void)IsCallAddress(text);
  (void)IsPlainText(text);
  (void)QueryValue(text, "a");
  return 0;
}
