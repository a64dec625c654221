#pragma once

#include <cstdint>
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
  // A line that is not known may be yet: StillRestoring().
  virtual bool is_restoring() const { return false; }
  // Those of a number that `who` may use. With a 3-legged token empty stands for all numbers of its user; with a
  // 2-legged one, whose client may have a hundred thousand, for none.
  virtual std::vector<Line> LinesOf(const Principal& who, const std::string& phone_number) const = 0;
  // The same, by its registration; nothing when `who` may not use it.
  virtual std::optional<Line> FindLine(const Principal& who, const std::string& registration_id) const = 0;
  virtual std::vector<Line> LinesOfNumber(const std::string& phone_number) const = 0;
  virtual std::optional<Line> FindByContactToken(const std::string& contact_token) const = 0;
  // On its device; of every status that is none of an end.
  virtual std::vector<MediaSession> LiveCallsOn(const std::string&) const { return {}; }
};

// Registered for the first time, its binding renewed, or taken up after a restart.
enum class LineUp : uint8_t { kNew, kRenewed, kRestored };

class LineObserver {
 public:
  virtual ~LineObserver() = default;
  virtual void OnLineUp(const Line& line, LineUp how) = 0;
  virtual void OnLineDown(const std::string& registration_id) = 0;
  // A call of the line's user that has left its device for the phone goes on, or is over: its status says which.
  virtual void OnCallAway(const MediaSession&) {}
};

}  // namespace byon::gateway
