#include <array>
#include <cstdint>

#include "controlplane/sdp/session_description.h"

namespace byon::sdp {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

}  // namespace

bool IsIpv4(std::string_view address) {
  int octets = 0;
  size_t at = 0;
  while (true) {
    size_t start = at;
    int value = 0;
    while (at < address.size() && IsDigit(address[at]) && at - start < 3) {
      value = value * 10 + (address[at++] - '0');
    }
    bool has_leading_zero = at - start > 1 && address[start] == '0';
    if (at == start || value > 255 || has_leading_zero || ++octets > 4) return false;
    if (at == address.size()) return octets == 4;
    if (address[at++] != '.') return false;
  }
}

// RFC 4291 section 2.2: groups of up to four hex digits, one "::", perhaps an IPv4 tail.
bool IsIpv6(std::string_view address) {
  int groups = 0;
  bool has_gap = false;
  size_t at = 0;
  if (address.size() < 2 || address.size() > 45) return false;
  if (address.starts_with("::")) {
    has_gap = true;
    at = 2;
    if (at == address.size()) return true;
  }
  while (true) {
    size_t start = at;
    while (at < address.size() && IsHex(address[at]) && at - start < 4) ++at;
    if (at < address.size() && address[at] == '.') {
      if (!IsIpv4(address.substr(start))) return false;
      groups += 2;
      break;
    }
    if (at == start) return false;
    ++groups;
    if (at == address.size()) break;
    if (address[at++] != ':') return false;
    if (at == address.size()) return false;
    if (address[at] == ':') {
      if (has_gap) return false;
      has_gap = true;
      if (++at == address.size()) break;
    }
  }
  return has_gap ? groups < 8 : groups == 8;
}

}  // namespace byon::sdp
