#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tools/load/bencode.h"

// What can be read can be written, and is then read as the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using byon::load::Bencode;
  const auto value = Bencode::Parse({reinterpret_cast<const char*>(data), size});
  if (!value) return 0;
  const auto again = Bencode::Parse(value->Serialize());
  if (!again || !(*again == *value)) __builtin_trap();
  return 0;
}
