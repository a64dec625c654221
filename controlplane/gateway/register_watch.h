#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>

#include "controlplane/gateway/runtime_ports.h"
#include "controlplane/registration/sip_registrar.h"

namespace byon::gateway {

// Stands before the gateway: answers to REGISTER that no time will heal, since the operator has to change something,
// are said to him, once in a while for each.
class RegisterWatch final : public registration::SipRegistrarObserver {
 public:
  // One sentence, without numbers of users.
  using Say = std::function<void(const std::string& what)>;
  static constexpr std::chrono::minutes kInterval{10};

  // Both outlive it.
  RegisterWatch(registration::SipRegistrarObserver& next, const Clock& clock, Say say)
      : next_(next), clock_(clock), say_(std::move(say)) {}

  void OnRegistered(const registration::RegistrationId& id, registration::SipRegistered registered) override {
    next_.OnRegistered(id, std::move(registered));
  }
  void OnRegisterFailed(const registration::RegistrationId& id, registration::SipRegisterFailure failure) override;
  void OnDeregisterDone(const registration::RegistrationId& id) override { next_.OnDeregisterDone(id); }
  void OnNetworkDeregistered(const registration::RegistrationId& id,
                             registration::SipDeregistered deregistered) override {
    next_.OnNetworkDeregistered(id, std::move(deregistered));
  }

 private:
  struct Said {
    std::chrono::steady_clock::time_point at{};
    uint64_t since = 0;  // so many more that nothing was said of
  };
  registration::SipRegistrarObserver& next_;
  const Clock& clock_;
  const Say say_;
  std::map<int, Said> said_;  // by status
};

}  // namespace byon::gateway
