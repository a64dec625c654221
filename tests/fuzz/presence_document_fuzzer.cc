#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "controlplane/presence/dialog_info.h"
#include "controlplane/presence/pidf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon::presence;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto info = ParseDialogInfo(text)) {
    std::vector<DialogEntry> known;
    Apply(*info, known);
    (void)BuildDialogInfo(*info);
  }
  if (const auto pidf = ParsePidf(text)) (void)BuildPidf(*pidf);
  return 0;
}
