#include "controlplane/api/wire_format.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace byon::api {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsAlpha(char c) { return IsUpper(c) || IsLower(c); }
bool IsAlphaNumeric(char c) { return IsAlpha(c) || IsDigit(c); }

template <typename Predicate>
bool All(std::string_view text, Predicate predicate) {
  return std::all_of(text.begin(), text.end(), predicate);
}

// Takes fixed parts off the front of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}
  std::optional<int> Digits(size_t count) {
    if (rest_.size() < count || !All(rest_.substr(0, count), IsDigit)) return std::nullopt;
    int value = 0;
    for (const char c : rest_.substr(0, count)) value = value * 10 + (c - '0');
    rest_.remove_prefix(count);
    return value;
  }
  bool One(std::string_view allowed) {
    if (rest_.empty() || allowed.find(rest_[0]) == allowed.npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  char Peek() const { return rest_.empty() ? '\0' : rest_[0]; }
  bool is_empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

// A label or labels of a domain, as the address pattern writes them: at least one dot.
bool IsPhoneContextDomain(std::string_view text) {
  bool has_dot = false;
  while (true) {
    const size_t dot = std::min(text.find('.'), text.size());
    const std::string_view label = text.substr(0, dot);
    if (label.empty() || !IsAlphaNumeric(label.front()) || !IsAlphaNumeric(label.back()) ||
        !All(label, [](char c) { return IsAlphaNumeric(c) || c == '-'; })) {
      return false;
    }
    if (dot == text.size()) return has_dot;
    has_dot = true;
    text.remove_prefix(dot + 1);
  }
}

bool IsPhoneContext(std::string_view text) {
  if (text.starts_with('+')) {
    return text.size() >= 2 && text.size() <= 16 && text[1] != '0' && All(text.substr(1), IsDigit);
  }
  return IsPhoneContextDomain(text);
}

bool IsLocalNumber(std::string_view text) {
  return !text.empty() && text.size() <= 15 && All(text, [](char c) { return IsDigit(c) || c == '*' || c == '#'; });
}

// [A-Za-z0-9.-]+\.[A-Za-z]{2,}
bool IsSipHost(std::string_view host) {
  const size_t dot = host.rfind('.');
  if (dot == host.npos || dot == 0 || host.size() - dot < 3) return false;
  return All(host.substr(dot + 1), IsAlpha) &&
         All(host.substr(0, dot), [](char c) { return IsAlphaNumeric(c) || c == '.' || c == '-'; });
}

bool IsPlainSip(std::string_view text) {
  if (!text.starts_with("sip:")) return false;
  text.remove_prefix(4);
  const size_t at = text.find('@');
  if (at == text.npos || at == 0) return false;
  const bool is_user = All(text.substr(0, at), [](char c) {
    return IsAlphaNumeric(c) || std::string_view("_.!%+-").find(c) != std::string_view::npos;
  });
  return is_user && IsSipHost(text.substr(at + 1));
}

// <local number>;phone-context=<context>
bool IsLocalWithContext(std::string_view text) {
  constexpr std::string_view kParameter = ";phone-context=";
  const size_t at = text.find(kParameter);
  return at != text.npos && IsLocalNumber(text.substr(0, at)) && IsPhoneContext(text.substr(at + kParameter.size()));
}

bool IsLocalSip(std::string_view text) {
  constexpr std::string_view kEnd = ";user=phone";
  if (!text.starts_with("sip:") || !text.ends_with(kEnd)) return false;
  text.remove_prefix(4);
  text.remove_suffix(kEnd.size());
  const size_t at = text.find('@');
  return at != text.npos && IsLocalWithContext(text.substr(0, at)) && IsSipHost(text.substr(at + 1));
}

bool IsEmergencyUrn(std::string_view text) {
  constexpr std::string_view kUrn = "urn:service:sos";
  if (!text.starts_with(kUrn)) return false;
  text.remove_prefix(kUrn.size());
  while (!text.empty()) {
    if (text[0] != '.') return false;
    text.remove_prefix(1);
    const size_t end = std::min(text.find('.'), text.size());
    const std::string_view label = text.substr(0, end);
    const auto is_edge = [](char c) { return IsLower(c) || IsDigit(c); };
    if (label.empty() || label.size() > 32 || !is_edge(label.front()) || !is_edge(label.back()) ||
        !All(label, [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; })) {
      return false;
    }
    text.remove_prefix(end);
  }
  return true;
}

// The code point at the front and its length in bytes; length 0 for bad UTF-8 (RFC 3629).
std::pair<uint32_t, size_t> DecodeUtf8(std::string_view text) {
  const auto byte = [&text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  const size_t length = first < 0x80                    ? 1
                        : first >= 0xc2 && first < 0xe0 ? 2
                        : first >= 0xe0 && first < 0xf0 ? 3
                        : first >= 0xf0 && first < 0xf5 ? 4
                                                        : 0;
  if (length == 0 || text.size() < length) return {0, 0};
  uint32_t value = length == 1 ? first : first & (0x7fU >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {0, 0};
    value = value << 6 | (byte(i) & 0x3fU);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[length] || (value >= 0xd800 && value < 0xe000) || value > 0x10ffff) return {0, 0};
  return {value, length};
}

}  // namespace

std::optional<WallTime> ParseDateTime(std::string_view text) {
  if (text.size() > 64) return std::nullopt;
  Scanner scanner(text);
  const auto year = scanner.Digits(4);
  if (!year || !scanner.One("-")) return std::nullopt;
  const auto month = scanner.Digits(2);
  if (!month || !scanner.One("-")) return std::nullopt;
  const auto day = scanner.Digits(2);
  if (!day || !scanner.One("Tt ")) return std::nullopt;
  const auto hour = scanner.Digits(2);
  if (!hour || !scanner.One(":")) return std::nullopt;
  const auto minute = scanner.Digits(2);
  if (!minute || !scanner.One(":")) return std::nullopt;
  const auto second = scanner.Digits(2);
  if (!second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  int fraction_ms = 0;
  if (scanner.One(".")) {
    int scale = 100;
    if (!IsDigit(scanner.Peek())) return std::nullopt;
    while (const auto digit = scanner.Digits(1)) {
      fraction_ms += *digit * scale;
      scale /= 10;
    }
  }
  int offset_minutes = 0;
  if (!scanner.One("Zz")) {
    const int sign = scanner.Peek() == '-' ? -1 : 1;
    if (!scanner.One("+-")) return std::nullopt;
    const auto offset_hour = scanner.Digits(2);
    if (!offset_hour || !scanner.One(":")) return std::nullopt;
    const auto offset_minute = scanner.Digits(2);
    if (!offset_minute || *offset_hour > 23 || *offset_minute > 59) return std::nullopt;
    offset_minutes = sign * (*offset_hour * 60 + *offset_minute);
  }
  if (!scanner.is_empty()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  // The clock counts nanoseconds in 64 bits: it ends in 2262.
  if (!date.ok() || *year < 1970 || *year > 2200) return std::nullopt;
  return WallTime(std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(*hour) + minutes(*minute) +
                  seconds(*second) + milliseconds(fraction_ms) - minutes(offset_minutes));
}

std::string FormatDateTime(WallTime time) {
  const auto since = std::chrono::duration_cast<milliseconds>(time.time_since_epoch());
  const auto days = std::chrono::floor<std::chrono::days>(WallTime(since));
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss clock(std::chrono::duration_cast<milliseconds>(WallTime(since) - days));
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return text;
}

bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool is_hex = IsDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (is_dash ? c != '-' : !is_hex) return false;
  }
  return true;
}

bool IsPhoneNumber(std::string_view text) {
  return text.size() >= 6 && text.size() <= 16 && text[0] == '+' && text[1] != '0' && All(text.substr(1), IsDigit);
}

bool IsCorrelator(std::string_view text) {
  return text.size() <= 256 && All(text, [](char c) {
           return IsAlphaNumeric(c) || std::string_view("-_:;./<>{}").find(c) != std::string_view::npos;
         });
}

bool IsCallAddress(std::string_view text) {
  if (text.size() > 256) return false;
  if (text.starts_with("tel:")) {
    const std::string_view number = text.substr(4);
    return IsPhoneNumber(number) || IsLocalWithContext(number);
  }
  return IsPlainSip(text) || IsLocalSip(text) || IsEmergencyUrn(text);
}

bool IsEventAddress(std::string_view text) {
  if (text.size() > 256) return false;
  if (text.starts_with("tel:+")) {
    const std::string_view digits = text.substr(5);
    return digits.size() >= 5 && digits.size() <= 15 && All(digits, IsDigit);
  }
  return IsPlainSip(text);
}

std::string ToEventAddress(std::string_view address, const std::string& home_domain) {
  if (IsEventAddress(address)) return std::string(address);
  std::string_view user = address;
  const size_t colon = user.find(':');
  if (colon != user.npos) user.remove_prefix(colon + 1);
  user = user.substr(0, user.find_first_of(";@?"));
  std::string kept;
  for (const char c : user) {
    if (c == '*') kept += "%2A";
    if (c == '#') kept += "%23";
    if (IsAlphaNumeric(c) || c == '+' || c == '.' || c == '-' || c == '_') kept += c;
  }
  std::string converted = "sip:" + (kept.empty() ? "unknown" : kept.substr(0, 128)) + "@" + home_domain;
  return IsEventAddress(converted) ? converted : "sip:unknown@unknown.invalid";
}

bool IsPlainText(std::string_view text) {
  while (!text.empty()) {
    const auto [value, length] = DecodeUtf8(text);
    if (length == 0 || value < 0x20 || (value >= 0x7f && value < 0xa0) || value == 0x2028 || value == 0x2029) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

size_t CharacterCount(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  const auto hex = [](char c) {
    return IsDigit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus_is_space) c = ' ';
    if (c == '%') {
      if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) return std::nullopt;
      c = static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    }
    if (c == '\0') return std::nullopt;
    decoded += c;
  }
  return decoded;
}

namespace {

// What stands behind "name="; nothing when the parameter is absent.
std::optional<std::string_view> RawQueryValue(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view item = query.substr(0, end);
    const size_t equals = std::min(item.find('='), item.size());
    if (item.substr(0, equals) == name) return item.substr(std::min(equals + 1, item.size()));
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return std::nullopt;
}

}  // namespace

bool HasQuery(std::string_view query, std::string_view name) { return RawQueryValue(query, name).has_value(); }

std::optional<std::string> QueryValue(std::string_view query, std::string_view name) {
  const auto raw = RawQueryValue(query, name);
  return raw ? PercentDecode(*raw, true) : std::nullopt;
}

}  // namespace byon::api
