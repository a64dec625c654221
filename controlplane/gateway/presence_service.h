#pragma once

#include <string>
#include <vector>

#include "controlplane/gateway/service.h"
#include "controlplane/presence/presence_book.h"

namespace byon::gateway {

struct PresenceList {
  presence::PresenceState own;
  std::vector<presence::PresenceState> watched;
};

// Call state of the user's own number and of numbers that it watches, as the network tells it. Called
// on the gateway's strand. `phone_number` is needed with a 2-legged token only.
class PresenceService {
 public:
  virtual ~PresenceService() = default;
  virtual Outcome<PresenceList> GetPresence(const Principal& who, const std::string& phone_number) = 0;
  virtual Outcome<presence::PresenceState> GetWatched(const Principal& who, const std::string& phone_number,
                                                      const std::string& target) = 0;
  virtual Outcome<presence::PresenceState> WatchNumber(const Principal& who, const std::string& phone_number,
                                                       const std::string& target) = 0;
  virtual Outcome<Done> UnwatchNumber(const Principal& who, const std::string& phone_number,
                                      const std::string& target) = 0;
};

}  // namespace byon::gateway
