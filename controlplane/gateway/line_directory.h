#pragma once

#include <string>
#include <vector>

#include "controlplane/call/sip_signaling.h"
#include "controlplane/gateway/service.h"

namespace byon::gateway {

// One device that is registered with one number, as the network knows it.
struct Line {
  std::string registration_id;
  DeviceKey device;
  std::string phone_number;
  call::SipBinding binding;
};

// What is registered at the moment. On the gateway's strand.
class LineDirectory {
 public:
  virtual ~LineDirectory() = default;
  // Those that `who` may use: with a 3-legged token those of its number.
  virtual std::vector<Line> LinesOf(const Principal& who) const = 0;
  virtual std::vector<Line> LinesOfNumber(const std::string& phone_number) const = 0;
  virtual std::optional<Line> FindByContactToken(const std::string& contact_token) const = 0;
};

class LineObserver {
 public:
  virtual ~LineObserver() = default;
  // Registered, registered anew, or taken up after a restart.
  virtual void OnLineUp(const Line& line, bool is_restored) = 0;
  virtual void OnLineDown(const std::string& registration_id) = 0;
};

}  // namespace byon::gateway
