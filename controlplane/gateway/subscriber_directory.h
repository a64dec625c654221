#pragma once

#include <optional>
#include <string>

#include "controlplane/emergency/location.h"

namespace byon::gateway {

// How a number is known to the IMS.
struct Subscriber {
  std::string impu;                // sip:+34600000001@ims.example
  std::string impi;                // +34600000001@ims.example
  emergency::Location location{};  // where the line is, for a line that stays there
};

// Which numbers this gateway may serve, and as whom they register.
class SubscriberDirectory {
 public:
  virtual ~SubscriberDirectory() = default;
  // Nothing for a number that may not be served. Never blocks.
  virtual std::optional<Subscriber> Find(const std::string& phone_number) const = 0;
};

}  // namespace byon::gateway
