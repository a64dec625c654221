#pragma once

#include <string>
#include <vector>

#include "controlplane/presence/dialog_info.h"

namespace byon::gateway {

// The live dialogs of numbers on all their devices, as the network tells of them (RFC 4235).
class DialogDirectory {
 public:
  virtual ~DialogDirectory() = default;
  virtual std::vector<presence::DialogEntry> DialogsOf(const std::string& phone_number) const = 0;
};

}  // namespace byon::gateway
