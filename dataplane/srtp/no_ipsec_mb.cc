#include "dataplane/srtp/backends.h"

// Compiled where ipsec-mb does not exist.
namespace byon::srtp {

bool IsIpsecMbAvailable() { return false; }
std::unique_ptr<SrtpTransform> MakeIpsecMbTransform() { return nullptr; }
std::unique_ptr<PacketKeys> MakeIpsecMbKeys(SrtpProfile, base::ByteSpan, base::ByteSpan) { return nullptr; }

}  // namespace byon::srtp
