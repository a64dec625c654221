#pragma once

#include <string>

namespace byon::gateway {

// What waking a device needs of its registration and its call. On the gateway's strand.
class PushDirectory {
 public:
  virtual ~PushDirectory() = default;
  // As the client put it; empty: none, or no such registration.
  virtual std::string PushSubscriptionOf(const std::string& registration_id) const = 0;
  // Takes the subscription away, unless the client has put another in the meantime.
  virtual void DropPushSubscription(const std::string& registration_id, const std::string& subscription) = 0;
  // The device is being woken: the caller hears that it rings (SIP 180), once, unless the device said so itself.
  virtual void AlertCaller(const std::string& media_session_id) = 0;
};

}  // namespace byon::gateway
