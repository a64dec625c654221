#pragma once

#include <array>
#include <cstddef>

#include "dataplane/base/bytes.h"
#include "dataplane/srtp/srtp_profile.h"

namespace byon::srtp {

// Master key and master salt of one direction.
struct SrtpKeyingMaterial {
  SrtpProfile profile = SrtpProfile::kAeadAes128Gcm;
  std::array<std::byte, kMaxMasterKeyBytes> key_storage{};
  std::array<std::byte, kMaxMasterSaltBytes> salt_storage{};

  base::ByteSpan key() const { return base::ByteSpan(key_storage).first(MasterKeyBytes(profile)); }
  base::ByteSpan salt() const { return base::ByteSpan(salt_storage).first(MasterSaltBytes(profile)); }
};

}  // namespace byon::srtp
