#include <cstddef>
#include <cstdint>
#include <string_view>

#include "controlplane/auth/digest.h"
#include "controlplane/auth/software_isim.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto challenge = byon::auth::ParseDigestChallenge({reinterpret_cast<const char*>(data), size});
  if (!challenge) return 0;
  if (const auto aka = byon::auth::ParseAkaNonce(challenge->nonce)) {
    // Nobody but the network can sign a challenge.
    byon::auth::SoftwareIsim isim({});
    if (isim.Authenticate(*aka).outcome == byon::auth::AkaAnswer::Outcome::kAccepted) __builtin_trap();
  }
  byon::auth::DigestSession session(*challenge);
  const std::string header = session.Authorize("REGISTER", "sip:x", "user", "password", "cnonce");
  if (header.find('\n') != std::string::npos) __builtin_trap();
  return 0;
}
