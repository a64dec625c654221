#include "controlplane/web_sip/leg_table.h"

#include <algorithm>

namespace byon::web_sip {

void LegTable::Insert(const std::shared_ptr<Leg>& leg) {
  entries_[leg.get()].leg = leg;
  by_device_[leg->device()].push_back(leg.get());
  Index(*leg);
}

void LegTable::Move(NameIndex& index, std::string& indexed, const std::string& present, Leg& leg) {
  if (indexed == present) return;
  if (!indexed.empty()) index.erase(indexed);
  indexed = present;
  if (!present.empty()) index[present] = &leg;
}

void LegTable::Index(Leg& leg) {
  const auto it = entries_.find(&leg);
  if (it == entries_.end()) return;
  Move(by_session_, it->second.media_session_id, leg.media_session_id(), leg);
  Move(by_dialog_, it->second.local_tag, leg.dialog().local_tag, leg);
}

void LegTable::Erase(Leg& leg) {
  const auto it = entries_.find(&leg);
  if (it == entries_.end()) return;
  const Entry entry = std::move(it->second);
  entries_.erase(it);
  by_session_.erase(entry.media_session_id);
  by_dialog_.erase(entry.local_tag);
  const auto of_device = by_device_.find(leg.device());
  std::erase(of_device->second, &leg);
  if (of_device->second.empty()) by_device_.erase(of_device);
}

std::shared_ptr<Leg> LegTable::FindBySession(const std::string& media_session_id) const {
  const auto it = by_session_.find(media_session_id);
  return it == by_session_.end() ? nullptr : entries_.at(it->second).leg;
}

std::shared_ptr<Leg> LegTable::FindByDialog(const std::string& local_tag) const {
  const auto it = by_dialog_.find(local_tag);
  return it == by_dialog_.end() ? nullptr : entries_.at(it->second).leg;
}

LegTable::Legs LegTable::OfDevice(const gateway::DeviceKey& device) const {
  Legs legs;
  const auto it = by_device_.find(device);
  if (it == by_device_.end()) return legs;
  for (const Leg* leg : it->second) legs.push_back(entries_.at(leg).leg);
  return legs;
}

}  // namespace byon::web_sip
