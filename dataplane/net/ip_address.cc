#include "dataplane/net/ip_address.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace byon::net {
namespace {

constexpr size_t kV4Offset = 12;
constexpr std::array<uint8_t, kV4Offset> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::optional<uint32_t> ParseDecimal(std::string_view text, uint32_t max) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  uint32_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<uint32_t>(c - '0');
  }
  return value > max ? std::nullopt : std::optional(value);
}

std::optional<std::array<uint8_t, 4>> ParseDottedQuad(std::string_view text) {
  std::array<uint8_t, 4> octets{};
  for (size_t i = 0; i < 4; ++i) {
    const size_t dot = i < 3 ? text.find('.') : text.size();
    if (dot == std::string_view::npos) return std::nullopt;
    const auto value = ParseDecimal(text.substr(0, dot), 255);
    if (!value) return std::nullopt;
    octets[i] = static_cast<uint8_t>(*value);
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return octets;
}

std::optional<uint16_t> ParseHexGroup(std::string_view text) {
  if (text.empty() || text.size() > 4) return std::nullopt;
  uint32_t value = 0;
  for (const char c : text) {
    uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<uint32_t>(c - 'a') + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<uint32_t>(c - 'A') + 10;
    } else {
      return std::nullopt;
    }
    value = value << 4 | digit;
  }
  return static_cast<uint16_t>(value);
}

// Up to eight groups of a piece of an IPv6 address that holds no "::"; the last may be dotted.
struct Groups {
  std::array<uint16_t, 8> values{};
  size_t count = 0;
};

std::optional<Groups> ParseGroups(std::string_view text, bool may_end_dotted) {
  Groups groups;
  if (text.empty()) return groups;
  while (true) {
    const size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (colon == std::string_view::npos && may_end_dotted && group.find('.') != std::string_view::npos) {
      const auto quad = ParseDottedQuad(group);
      if (!quad || groups.count > 6) return std::nullopt;
      for (size_t i = 0; i < 4; i += 2) {
        groups.values[groups.count++] = static_cast<uint16_t>((*quad)[i] << 8 | (*quad)[i + 1]);
      }
      return groups;
    }
    const auto value = ParseHexGroup(group);
    if (!value || groups.count == 8) return std::nullopt;
    groups.values[groups.count++] = *value;
    if (colon == std::string_view::npos) return groups;
    text.remove_prefix(colon + 1);
  }
}

std::optional<IpAddress> ParseV6(std::string_view text) {
  const size_t gap = text.find("::");
  std::array<uint16_t, 8> words{};
  if (gap == std::string_view::npos) {
    const auto groups = ParseGroups(text, true);
    if (!groups || groups->count != 8) return std::nullopt;
    words = groups->values;
  } else {
    const auto head = ParseGroups(text.substr(0, gap), false);
    const auto tail = ParseGroups(text.substr(gap + 2), true);
    if (!head || !tail || head->count + tail->count > 7) return std::nullopt;
    std::copy_n(head->values.begin(), head->count, words.begin());
    std::copy_n(tail->values.begin(), tail->count, words.end() - static_cast<long>(tail->count));
  }
  std::array<uint8_t, 16> octets{};
  for (size_t i = 0; i < 8; ++i) {
    octets[2 * i] = static_cast<uint8_t>(words[i] >> 8);
    octets[2 * i + 1] = static_cast<uint8_t>(words[i] & 0xff);
  }
  return IpAddress::V6(octets);
}

void AppendHex(std::string& text, uint16_t word) {
  bool has_digit = false;
  for (int shift = 12; shift >= 0; shift -= 4) {
    const unsigned digit = word >> shift & 0xfu;
    has_digit = has_digit || digit != 0 || shift == 0;
    if (has_digit) text += "0123456789abcdef"[digit];
  }
}

}  // namespace

std::optional<IpAddress> IpAddress::FromBytes(base::ByteSpan bytes) {
  IpAddress result;
  if (bytes.size() == 4) {
    std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), result.octets_.begin());
    std::memcpy(result.octets_.data() + kV4Offset, bytes.data(), 4);
  } else if (bytes.size() == 16) {
    std::memcpy(result.octets_.data(), bytes.data(), 16);
  } else {
    return std::nullopt;
  }
  return result;
}

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  if (text.find(':') != std::string_view::npos) return ParseV6(text);
  const auto quad = ParseDottedQuad(text);
  if (!quad) return std::nullopt;
  return V4((*quad)[0], (*quad)[1], (*quad)[2], (*quad)[3]);
}

std::string IpAddress::ToString() const {
  std::string text;
  if (is_v4()) {
    for (size_t i = kV4Offset; i < 16; ++i) {
      if (i > kV4Offset) text += '.';
      text += std::to_string(octets_[i]);
    }
    return text;
  }
  std::array<uint16_t, 8> words{};
  for (size_t i = 0; i < 8; ++i) {
    words[i] = static_cast<uint16_t>(octets_[2 * i] << 8 | octets_[2 * i + 1]);
  }
  // RFC 5952 section 4.2: the longest run of zero groups, the first of equals, at least two long.
  size_t best_start = 8, best_length = 1;
  for (size_t i = 0; i < 8;) {
    size_t end = i;
    while (end < 8 && words[end] == 0) ++end;
    if (end - i > best_length) best_start = i, best_length = end - i;
    i = std::max(end, i + 1);
  }
  for (size_t i = 0; i < 8; ++i) {
    if (i == best_start) {
      text += "::";
      i += best_length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    AppendHex(text, words[i]);
  }
  return text;
}

bool IpAddress::is_v4() const { return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), octets_.begin()); }
bool IpAddress::is_unspecified() const { return *this == IpAddress() || *this == IpAddress::V4(0, 0, 0, 0); }
bool IpAddress::is_loopback() const {
  if (is_v4()) return octets_[kV4Offset] == 127;
  IpAddress one;
  one.octets_[15] = 1;
  return *this == one;
}
bool IpAddress::is_multicast() const { return is_v4() ? (octets_[kV4Offset] & 0xf0) == 224 : octets_[0] == 0xff; }
bool IpAddress::is_broadcast() const { return *this == V4(255, 255, 255, 255); }
bool IpAddress::is_link_local() const {
  if (is_v4()) return octets_[kV4Offset] == 169 && octets_[kV4Offset + 1] == 254;
  return octets_[0] == 0xfe && (octets_[1] & 0xc0) == 0x80;
}

base::ByteSpan IpAddress::bytes() const {
  const auto all = std::as_bytes(std::span(octets_));
  return is_v4() ? all.subspan(kV4Offset) : all;
}

size_t IpAddress::Hash() const {
  const auto words = std::bit_cast<std::array<uint64_t, 2>>(octets_);
  // The last octets, in which neighbours differ, are the top bits of the second word: they must
  // come down before multiplying, which only carries upwards.
  const auto mix = [](uint64_t value) {
    value = (value ^ value >> 32) * 0xff51afd7ed558ccdu;
    value = (value ^ value >> 29) * 0xc4ceb9fe1a85ec53u;
    return value ^ value >> 32;
  };
  return mix(words[1] ^ mix(words[0] ^ 0x9e3779b97f4a7c15u));
}

namespace {
// Clears all bits of `octets` from `bits` on.
void ClearHostBits(std::array<uint8_t, 16>& octets, size_t bits) {
  for (size_t i = 0; i < 16; ++i) {
    const size_t kept = std::clamp<size_t>(bits > 8 * i ? bits - 8 * i : 0, 0, 8);
    octets[i] = static_cast<uint8_t>(octets[i] & (0xff00u >> kept));
  }
}
size_t MappedLength(const IpPrefix& prefix) { return prefix.length + (prefix.network.is_v4() ? 96u : 0u); }
}  // namespace

IpPrefix IpPrefix::Of(const IpAddress& address, uint8_t length) {
  IpPrefix prefix{address, std::min<uint8_t>(length, address.is_v4() ? 32 : 128)};
  std::array<uint8_t, 16> octets = address.mapped_octets();
  ClearHostBits(octets, MappedLength(prefix));
  prefix.network = IpAddress::V6(octets);
  return prefix;
}

std::optional<IpPrefix> IpPrefix::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = IpAddress::Parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const uint32_t max = address->is_v4() ? 32 : 128;
  uint32_t length = max;
  if (slash != std::string_view::npos) {
    const auto parsed = ParseDecimal(text.substr(slash + 1), max);
    if (!parsed) return std::nullopt;
    length = *parsed;
  }
  return Of(*address, static_cast<uint8_t>(length));
}

bool IpPrefix::Contains(const IpAddress& address) const {
  if (address.is_v4() != network.is_v4()) return false;
  std::array<uint8_t, 16> octets = address.mapped_octets();
  ClearHostBits(octets, MappedLength(*this));
  return octets == network.mapped_octets();
}

std::optional<IpAddress> IpPrefix::BroadcastAddress() const {
  if (network.is_v6() || length >= 31) return std::nullopt;
  std::array<uint8_t, 16> octets = network.mapped_octets();
  std::array<uint8_t, 16> mask;
  mask.fill(0xff);
  ClearHostBits(mask, MappedLength(*this));
  for (size_t i = 0; i < 16; ++i) octets[i] = static_cast<uint8_t>(octets[i] | (~mask[i] & 0xff));
  return IpAddress::V6(octets);
}

std::string IpPrefix::ToString() const { return network.ToString() + "/" + std::to_string(length); }

}  // namespace byon::net
