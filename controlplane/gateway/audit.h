#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace byon::gateway {

// Who did something that somebody may have to account for. It has no token; `user` and `phone_number` are for whoever
// writes it down to shorten.
struct AuditEntry {
  std::string_view what;  // registration_created, ..., call_created
  std::string client_id;
  std::string user;  // of the token; empty with a two-legged one
  std::string phone_number;
  std::string registration_id;
  std::string call_id;  // empty: of no call
};
using AuditTrail = std::function<void(const AuditEntry&)>;

}  // namespace byon::gateway
