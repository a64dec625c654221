#include "controlplane/sip/hops/hop_list.h"

#include <algorithm>

namespace byon::sip {

bool HopList::is_listed(size_t hop) const { return std::find(listed_.begin(), listed_.end(), hop) != listed_.end(); }

std::optional<size_t> HopList::Find(const std::string& uri) const {
  const auto found = std::find(uris_.begin(), uris_.end(), uri);
  return found == uris_.end() ? std::nullopt : std::optional(static_cast<size_t>(found - uris_.begin()));
}

size_t HopList::Add(const std::string& uri) {
  if (const auto known = Find(uri)) return *known;
  uris_.push_back(uri);
  return uris_.size() - 1;
}

std::vector<size_t> HopList::Replace(const std::vector<std::string>& best_first, const std::set<size_t>& in_use) {
  std::set<size_t> kept = in_use;
  for (const std::string& uri : best_first) {
    if (const auto known = Find(uri)) kept.insert(*known);
  }
  std::vector<size_t> given_away;
  listed_.clear();
  for (const std::string& uri : best_first) {
    std::optional<size_t> hop = Find(uri);
    for (size_t free = 0; !hop && free < uris_.size(); ++free) {
      if (!kept.contains(free)) hop = free;
    }
    if (!hop) hop = Add(uri);
    if (uris_[*hop] != uri) given_away.push_back(*hop);
    uris_[*hop] = uri;
    kept.insert(*hop);
    if (!is_listed(*hop)) listed_.push_back(*hop);
  }
  return given_away;
}

}  // namespace byon::sip
