#include "controlplane/sip/text/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>

namespace byon::sip {

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
  }
  if (text.empty() || text.size() > 45) return std::nullopt;  // the longest spelling of an IPv6 address
  const std::string terminated(text);
  IpAddress address;
  if (inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) return address;
  std::array<uint8_t, 4> v4{};
  if (inet_pton(AF_INET, terminated.c_str(), v4.data()) != 1) return std::nullopt;
  address.bytes = {};
  address.bytes[10] = address.bytes[11] = 0xff;
  std::copy(v4.begin(), v4.end(), address.bytes.begin() + 12);
  return address;
}

std::string HostPort(std::string_view address, unsigned port) {
  const bool needs_brackets = address.find(':') != std::string_view::npos && address.front() != '[';
  std::string result = needs_brackets ? "[" + std::string(address) + "]" : std::string(address);
  return result + ":" + std::to_string(port);
}

}  // namespace byon::sip
