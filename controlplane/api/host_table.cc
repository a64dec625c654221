#include "controlplane/api/host_table.h"

namespace byon::api {
namespace {

constexpr size_t kMaxHostBytes = 300;  // a name has 253 at most (RFC 1035 section 2.3.4)

}  // namespace

std::optional<size_t> HostTable::Find(std::string_view header) const {
  if (owners_.empty() || header.size() > kMaxHostBytes) return std::nullopt;
  std::string host(header);
  for (char& c : host) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const size_t colon = host.find(':', host.starts_with('[') ? host.find(']') : 0);
  std::string name = host.substr(0, colon);
  if (name.ends_with('.')) name.pop_back();  // the same name, written out to the root
  const std::string port = colon == host.npos ? "" : host.substr(colon);
  for (const std::string& key : {name + port, name}) {
    if (const auto it = owners_.find(key); it != owners_.end()) return it->second;
  }
  return std::nullopt;
}

}  // namespace byon::api
