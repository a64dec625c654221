#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace byon::api {

// Whose host a request came to. A name without port stands for all ports; one with a port is looked for first.
class HostTable {
 public:
  // `host`: a name or IP address in lower case, IPv6 in brackets, with or without :port.
  void Add(const std::string& host, size_t owner) { owners_[host] = owner; }
  // `header`: the value of Host (RFC 9110 section 7.2) as it came; nothing when the host is nobody's.
  std::optional<size_t> Find(std::string_view header) const;

 private:
  std::map<std::string, size_t> owners_;
};

}  // namespace byon::api
