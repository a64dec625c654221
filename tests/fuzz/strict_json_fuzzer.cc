#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "controlplane/json/strict_json.h"

// What was accepted can be written and read again, and is the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto value = byon::json::ParseStrict({reinterpret_cast<const char*>(data), size});
  if (!value) return 0;
  const auto again = byon::json::ParseStrict(value->dump(), {.max_bytes = 1 << 22});
  if (!again || *again != *value) __builtin_trap();
  return 0;
}
