#include <cstddef>
#include <cstdint>
#include <string>

#include "dataplane/config/dataplane_config.h"

// Any text is a configuration or a list of mistakes.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string yaml(reinterpret_cast<const char*>(data), size);
  const auto config = byon::config::ParseConfig(yaml);
  if (!config.ok() && config.error().empty()) __builtin_trap();
  return 0;
}
