#include <cstddef>
#include <cstdint>
#include <string>

#include "tools/load/profile.h"

// Any text is a profile or a list of mistakes.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string yaml(reinterpret_cast<const char*>(data), size);
  const auto profile = byon::load::ParseProfile(yaml);
  if (profile.ok() ? profile->codecs.empty() : profile.error().empty()) __builtin_trap();
  return 0;
}
