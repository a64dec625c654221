#include "controlplane/api/router.h"

#include <algorithm>
#include <string_view>

#include "controlplane/api/wire_format.h"

namespace byon::api {
namespace {

std::vector<std::string> Split(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const size_t end = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

}  // namespace

void Router::Add(Route route) {
  Entry entry{Split(route.pattern), std::move(route)};
  entries_.push_back(std::move(entry));
}

Router::Match Router::Find(const std::string& method, const std::string& path) const {
  Match match;
  if (!path.starts_with(root_ + "/")) return match;
  const std::vector<std::string> segments = Split(std::string_view(path).substr(root_.size()));
  for (const Entry& entry : entries_) {
    if (entry.segments.size() != segments.size()) continue;
    std::vector<std::string> ids;
    bool is_match = true;
    bool is_malformed = false;
    for (size_t i = 0; i < segments.size() && is_match; ++i) {
      if (entry.segments[i] != "{id}") {
        is_match = entry.segments[i] == segments[i];
        continue;
      }
      const auto decoded = PercentDecode(segments[i], false);
      is_malformed = is_malformed || !decoded;
      ids.push_back(decoded.value_or(""));
    }
    if (!is_match) continue;
    match.allowed.push_back(entry.route.method);
    if (entry.route.method != method) continue;
    match.route = &entry.route;
    match.ids = std::move(ids);
    match.is_malformed = is_malformed;
  }
  return match;
}

}  // namespace byon::api
