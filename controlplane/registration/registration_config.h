#pragma once

#include <chrono>
#include <cstdint>

namespace byon::registration {

// Validated at start; see config/controlplane.yaml for what each value means to an operator.
struct RegistrationConfig {
  std::chrono::seconds default_expiry{3600};  // when the client asks for nothing
  std::chrono::seconds min_expiry{60};        // less is refused with OUT_OF_RANGE
  std::chrono::seconds max_expiry{86400};     // more is capped
  // How long after its access token has expired a registration waits for a fresh one.
  std::chrono::seconds token_grace{120};
  // A registration whose device can be woken lives so long after its client was last heard of, with
  // or without a fresh token.
  std::chrono::seconds push_expiry{604800};
  // Asked of the registrar, which may grant less (TS 24.229 section 5.1.1.2.1).
  std::chrono::seconds sip_expiry{600000};
  // How much earlier than due a refresh may be sent, so that many do not come at once; never more than a tenth of its
  // time.
  std::chrono::seconds refresh_jitter{300};
  uint32_t max_registrations_per_user = 10;
  uint32_t max_registrations_per_msisdn = 10;
  uint32_t max_devices_per_user = 5;
  size_t max_registrations = 0;  // of all users together; 0: no bound
};

}  // namespace byon::registration
