#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace byon::rpc {

// `length` characters of [A-Za-z0-9+/], 6 bits of the kernel's randomness each: ICE credentials
// (RFC 8839 section 5.4), CNAMEs (RFC 7022 section 4.2), generations.
std::string RandomText(size_t length);
uint64_t RandomU64();
// Not zero.
uint32_t RandomSsrc();

}  // namespace byon::rpc
