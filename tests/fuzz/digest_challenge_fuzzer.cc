#include <cstddef>
#include <cstdint>
#include <string_view>

#include "controlplane/auth/digest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto challenge =
      byon::auth::ParseDigestChallenge({reinterpret_cast<const char*>(data), size});
  if (!challenge) return 0;
  byon::auth::DigestSession session(*challenge);
  const std::string header = session.Authorize("REGISTER", "sip:x", "user", "password", "cnonce");
  if (header.find('\n') != std::string::npos) __builtin_trap();
  return 0;
}
