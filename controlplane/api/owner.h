#pragma once

#include <string>

#include "controlplane/gateway/service.h"

namespace byon::api {

// To whom a subscription or channel belongs. With a 2-legged token that is the client alone.
struct Owner {
  std::string client_id;
  std::string user;  // empty with a 2-legged token
  auto operator<=>(const Owner&) const = default;

  static Owner Of(const gateway::Principal& who) { return {who.client_id, who.is_two_legged ? "" : who.subject}; }
  // Whether events of this device are the owner's. A 2-legged client owns the devices that it registered
  // without a user; those are keyed by their number.
  bool Owns(const gateway::DeviceKey& device) const {
    return device.client_id == client_id && (user.empty() ? device.user.starts_with('+') : device.user == user);
  }
};

}  // namespace byon::api
