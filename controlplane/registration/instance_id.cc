#include <cstdint>

#include "controlplane/registration/registration_record.h"

namespace byon::registration {

// A UUID of version 8 (RFC 9562 section 5.8) over a 128-bit FNV-1a hash. It names, it does not
// protect: a collision needs two devices of the same subscriber, who could as well send the same
// deviceId.
std::string InstanceIdOf(const std::string& phone_number, const std::string& device_id) {
  __extension__ using Wide = unsigned __int128;
  constexpr Wide kPrime = Wide{1} << 88 | 0x13b;
  Wide hash = Wide{0x6c62272e07bb0142} << 64 | 0x62b821756295c58d;
  for (unsigned char c : phone_number + '\n' + device_id) hash = (hash ^ c) * kPrime;
  std::string uuid = "urn:uuid:";
  for (int digit = 0; digit < 32; ++digit) {
    unsigned value = static_cast<unsigned>(hash >> (124 - 4 * digit)) & 0xf;
    if (digit == 12) value = 8;                  // version
    if (digit == 16) value = 8 | (value & 0x3);  // variant 10
    if (digit == 8 || digit == 12 || digit == 16 || digit == 20) uuid += '-';
    uuid += "0123456789abcdef"[value];
  }
  return uuid;
}

}  // namespace byon::registration
