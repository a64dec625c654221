#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "controlplane/web_sip/leg.h"

namespace byon::web_sip {

// All legs: by device, and as soon as they have them by the tag of our half of the dialog, which is unguessable and
// used once, and by the gateway's session.
class LegTable {
 public:
  using Legs = std::vector<std::shared_ptr<Leg>>;

  void Insert(const std::shared_ptr<Leg>& leg);
  // Its session or its dialog was named just now.
  void Index(Leg& leg);
  void Erase(Leg& leg);

  // Null when there is none.
  std::shared_ptr<Leg> FindBySession(const std::string& media_session_id) const;
  std::shared_ptr<Leg> FindByDialog(const std::string& local_tag) const;
  // A copy: what is done with one may end others.
  Legs OfDevice(const gateway::DeviceKey& device) const;
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::shared_ptr<Leg> leg;
    std::string media_session_id;  // as indexed; empty: not yet
    std::string local_tag;
  };
  using NameIndex = std::unordered_map<std::string, Leg*>;
  static void Move(NameIndex& index, std::string& indexed, const std::string& present, Leg& leg);

  std::unordered_map<const Leg*, Entry> entries_;
  std::map<gateway::DeviceKey, std::vector<Leg*>> by_device_;
  NameIndex by_session_;
  NameIndex by_dialog_;
};

}  // namespace byon::web_sip
