#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/web_sip/flow.h"

namespace byon::web_sip {

// A device that registered by SIP, and the connection on which it is reached now.
struct Line {
  gateway::DeviceKey device;
  gateway::Principal who;
  std::string registration_id;
  std::string number;   // +E.164
  std::string contact;  // the Contact value as it registered, without expires
  std::string contact_uri;
  std::string call_id;  // of the REGISTER, with its CSeq
  uint32_t cseq = 0;
  api::WallTime expires_at;
  std::weak_ptr<Flow> flow;
};

// All lines, by device. Holds no connection alive.
class LineTable {
 public:
  Line* Find(const gateway::DeviceKey& device) {
    const auto it = lines_.find(device);
    return it == lines_.end() ? nullptr : &it->second;
  }
  // The line that registered on this connection; null when none did.
  Line* FindByFlow(const Flow& flow) {
    Line* line = flow.device() ? Find(*flow.device()) : nullptr;
    return line != nullptr && line->flow.lock().get() == &flow ? line : nullptr;
  }
  std::vector<gateway::DeviceKey> DevicesOf(const gateway::Principal& who) const {
    std::vector<gateway::DeviceKey> devices;
    for (auto it = lines_.lower_bound({who.client_id, who.subject, ""}); it != lines_.end(); ++it) {
      if (it->first.client_id != who.client_id || it->first.user != who.subject) break;
      devices.push_back(it->first);
    }
    return devices;
  }
  Line* FindByRegistration(const std::string& id) {
    for (auto& [device, line] : lines_) {
      if (line.registration_id == id) return &line;
    }
    return nullptr;
  }
  // The open connection of a device; null while it is away.
  std::shared_ptr<Flow> FlowOf(const gateway::DeviceKey& device) const {
    const auto it = lines_.find(device);
    auto flow = it == lines_.end() ? nullptr : it->second.flow.lock();
    return flow && flow->is_open() ? flow : nullptr;
  }
  Line& Put(Line line) { return lines_[line.device] = std::move(line); }
  void Erase(const gateway::DeviceKey& device) { lines_.erase(device); }
  size_t size() const { return lines_.size(); }

 private:
  std::map<gateway::DeviceKey, Line> lines_;
};

}  // namespace byon::web_sip
