#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "controlplane/registration/sip_registrar.h"

namespace byon::registration {

using WallTime = std::chrono::system_clock::time_point;
using SteadyTime = std::chrono::steady_clock::time_point;
inline constexpr SteadyTime kNever = SteadyTime::max();

// Both clocks at one moment: the steady one for timers, the wall's for what people read.
struct Now {
  SteadyTime steady;
  WallTime wall;
};

// Who registered which number on which device. A deviceId is made by the client and is not unique
// by itself, so all four together name a registration.
struct RegistrationOwner {
  std::string client_id;
  std::string user;  // subject of the token; the phone number with a 2-legged one
  std::string phone_number;
  std::string device_id;
  bool is_two_legged = false;
  auto operator<=>(const RegistrationOwner&) const = default;
};

// Everything that a successor of this process needs to go on with a registration.
struct RegistrationRecord {
  RegistrationId id;
  RegistrationOwner owner;
  std::string impu;
  std::string impi;
  std::string instance_id;
  std::string contact_token;
  WallTime expires_at;        // CAMARA's, as the client was told
  WallTime token_expires_at;  // of the freshest access token seen
  SipRegistered registered;
  WallTime sip_expires_at;
  // When the next REGISTER is due; none: it is under way, or a failed one is tried again.
  std::optional<WallTime> refresh_at;
  // Where the sleeping device can be woken; the push room's own text, empty: nowhere.
  std::string push;
};

// urn:uuid of a web device as one number's user agent instance (RFC 5626 section 4.1): the same for
// the same pair, so that a registrar recognises it after a restart.
std::string InstanceIdOf(const std::string& phone_number, const std::string& device_id);

}  // namespace byon::registration
