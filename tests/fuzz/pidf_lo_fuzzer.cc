// Locations as SIP clients write them: whatever is understood can be written again and is understood then too.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "controlplane/emergency/pidf_lo.h"
#include "dataplane/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon::emergency;
  const auto location = ReadPidfLo(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!location) return 0;
  const std::string written =
      BuildPidfLo(*location, "sip:a@ims.test", "urn:uuid:1", std::chrono::system_clock::time_point{});
  BYON_CHECK(ReadPidfLo(written).has_value(), "what was read is good");
  return 0;
}
