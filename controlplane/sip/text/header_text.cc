#include "controlplane/sip/text/header_text.h"

#include <algorithm>
#include <cctype>

#include "controlplane/sip/text/ip_address.h"

namespace byon::sip {
namespace {

constexpr size_t kMaxValueBytes = 8192;
constexpr size_t kMaxListItems = 64;
constexpr size_t kMaxParameters = 32;
constexpr size_t kMaxUriBytes = 512;
constexpr size_t kMaxDisplayNameBytes = 64;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool IsAlnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

// Length of the quoted-string at the start of `text` with both quotes, 0 when it is not closed.
size_t QuotedLength(std::string_view text) {
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return 0;
}

std::string Unquote(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return std::string(text);
  std::string result;
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '\\' && i + 2 < text.size()) ++i;
    result.push_back(text[i]);
  }
  return result;
}

// ";name=value;name" into pairs. False when something else stands there.
bool ParseParameters(std::string_view text, std::vector<std::pair<std::string, std::string>>& parameters) {
  text = Trim(text);
  while (!text.empty()) {
    if (text.front() != ';' || parameters.size() == kMaxParameters) return false;
    text.remove_prefix(1);
    size_t end = 0;
    while (end < text.size() && text[end] != ';') {
      const size_t quoted = text[end] == '"' ? QuotedLength(text.substr(end)) : 1;
      if (quoted == 0) return false;
      end += quoted;
    }
    const std::string_view parameter = Trim(text.substr(0, end));
    text.remove_prefix(end);
    if (parameter.empty()) continue;
    const size_t equals = parameter.find('=');
    const std::string_view name = Trim(parameter.substr(0, equals));
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : Trim(parameter.substr(equals + 1));
    parameters.emplace_back(ToLower(name), Unquote(value));
  }
  return true;
}

// Length in bytes of the UTF-8 character at the start, 0 when it is none.
size_t Utf8Length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  size_t length = 0;
  if (lead < 0x80) {
    length = 1;
  } else if (lead >= 0xc2 && lead < 0xe0) {
    length = 2;
  } else if (lead >= 0xe0 && lead < 0xf0) {
    length = 3;
  } else if (lead >= 0xf0 && lead < 0xf5) {
    length = 4;
  }
  if (length == 0 || length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 0;
  }
  const auto second = length > 1 ? static_cast<unsigned char>(text[1]) : 0u;
  const bool is_overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool is_out_of_range = (lead == 0xed && second > 0x9f) || (lead == 0xf4 && second > 0x8f);
  return is_overlong || is_out_of_range ? 0 : length;
}

bool IsNumberCharacter(char c) { return IsDigit(c) || std::string_view("+*#-.()").find(c) != std::string_view::npos; }

}  // namespace

std::string ToLower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ToLower(a) == ToLower(b);
}

std::optional<uint64_t> ParseNumber(std::string_view text, uint64_t max) {
  text = Trim(text);
  if (text.empty() || text.size() > 19) return std::nullopt;
  uint64_t value = 0;
  for (char c : text) {
    if (!IsDigit(c)) return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  if (value > max) return std::nullopt;
  return value;
}

std::optional<std::string> NameAddr::Parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::optional<NameAddr> ParseNameAddr(std::string_view value) {
  value = Trim(value);
  if (value.empty() || value.size() > kMaxValueBytes) return std::nullopt;
  NameAddr result;
  if (value.front() == '"') {
    const size_t quoted = QuotedLength(value);
    if (quoted == 0) return std::nullopt;
    result.display_name = Unquote(value.substr(0, quoted));
    value = Trim(value.substr(quoted));
    if (value.empty() || value.front() != '<') return std::nullopt;
  }
  const size_t open = value.find('<');
  if (open != std::string_view::npos && value.substr(0, open).find('"') == std::string_view::npos &&
      value.substr(0, open).find(';') == std::string_view::npos) {
    const size_t close = value.find('>', open);
    if (close == std::string_view::npos) return std::nullopt;
    if (result.display_name.empty()) result.display_name = std::string(Trim(value.substr(0, open)));
    result.uri = std::string(Trim(value.substr(open + 1, close - open - 1)));
    value = value.substr(close + 1);
  } else {
    // addr-spec: what follows the first ';' belongs to the header, not to the URI.
    const size_t semicolon = value.find(';');
    result.uri = std::string(Trim(value.substr(0, semicolon)));
    value = semicolon == std::string_view::npos ? std::string_view() : value.substr(semicolon);
  }
  if (result.uri.empty() || !ParseParameters(value, result.parameters)) return std::nullopt;
  return result;
}

std::vector<std::string> SplitHeaderList(std::string_view value) {
  std::vector<std::string> items;
  value = value.substr(0, kMaxValueBytes);
  size_t start = 0;
  bool in_brackets = false;
  for (size_t i = 0; i <= value.size(); ++i) {
    if (i < value.size() && value[i] == '"' && !in_brackets) {
      const size_t quoted = QuotedLength(value.substr(i));
      if (quoted == 0) break;
      i += quoted - 1;
      continue;
    }
    if (i < value.size() && value[i] == '<') in_brackets = true;
    if (i < value.size() && value[i] == '>') in_brackets = false;
    if (i < value.size() && (value[i] != ',' || in_brackets)) continue;
    const std::string_view item = Trim(value.substr(start, i - start));
    if (!item.empty()) items.emplace_back(item);
    if (items.size() == kMaxListItems) break;
    start = i + 1;
  }
  return items;
}

bool ListHas(std::string_view list, std::string_view token) {
  const std::vector<std::string> items = SplitHeaderList(list);
  return std::any_of(items.begin(), items.end(),
                     [&](const std::string& item) { return EqualsIgnoringCase(item, token); });
}

std::optional<UriParts> ParseUri(std::string_view uri) {
  if (uri.size() > kMaxUriBytes) return std::nullopt;
  const size_t colon = uri.find(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  UriParts parts;
  parts.scheme = ToLower(uri.substr(0, colon));
  if (!std::all_of(parts.scheme.begin(), parts.scheme.end(), IsAlnum)) return std::nullopt;
  uri.remove_prefix(colon + 1);
  if (parts.scheme != "tel") {
    const size_t at = uri.find('@');
    if (at != std::string_view::npos) {
      parts.user = std::string(uri.substr(0, at));
      uri.remove_prefix(at + 1);
    }
    uri = uri.substr(0, uri.find('?'));
  }
  const size_t semicolon = uri.find(';');
  std::string_view hostport = uri.substr(0, semicolon);
  if (semicolon != std::string_view::npos) parts.parameters = std::string(uri.substr(semicolon + 1));
  if (hostport.empty()) return std::nullopt;
  if (parts.scheme == "tel") {
    parts.user = std::string(hostport);
    return parts;
  }
  const size_t bracket = hostport.find(']');
  const size_t port = hostport.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (port != std::string_view::npos) {
    const auto number = ParseNumber(hostport.substr(port + 1), 65535);
    if (!number) return std::nullopt;
    parts.port = static_cast<uint16_t>(*number);
    hostport = hostport.substr(0, port);
  }
  if (hostport.empty()) return std::nullopt;
  parts.host = std::string(hostport);
  return parts;
}

std::string UriParameter(const UriParts& uri, std::string_view name) {
  std::string_view rest = uri.parameters;
  while (!rest.empty()) {
    const size_t end = rest.find(';');
    const std::string_view one = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    const size_t equals = one.find('=');
    if (equals != std::string_view::npos && EqualsIgnoringCase(one.substr(0, equals), name)) {
      return std::string(one.substr(equals + 1));
    }
  }
  return {};
}

bool NamesTls(const UriParts& uri) {
  return uri.scheme == "sips" || EqualsIgnoringCase(UriParameter(uri, "transport"), "tls");
}

bool IsSafeUri(std::string_view uri) {
  for (char c : uri) {
    if (!IsAlnum(c) && std::string_view("-_.!~*'()%:@;=+#&$,/[]").find(c) == std::string_view::npos) {
      return false;
    }
  }
  const auto parts = ParseUri(uri);
  if (!parts) return false;
  const std::string_view user = parts->user;
  if (parts->scheme == "tel") {
    return !user.empty() && std::all_of(user.begin(), user.end(), IsNumberCharacter);
  }
  if (parts->scheme != "sip" && parts->scheme != "sips") return false;
  if (uri.find('#') != std::string_view::npos) return false;  // must be escaped in SIP URIs
  if (!user.empty() && (user.front() == '+' || IsDigit(user.front()))) {
    const std::string_view number = user.substr(0, user.find(';'));
    return std::all_of(number.begin(), number.end(), [](char c) {
      return IsNumberCharacter(c) || c == '%' || std::isxdigit(static_cast<unsigned char>(c));
    });
  }
  return true;
}

bool IsServiceUrn(std::string_view uri) {
  constexpr std::string_view kSos = "urn:service:sos";
  return uri.size() <= 128 && uri.starts_with(kSos) && (uri.size() == kSos.size() || uri[kSos.size()] == '.') &&
         uri.back() != '.' && std::all_of(uri.begin() + kSos.size(), uri.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || IsDigit(c) || c == '-' || c == '.';
         });
}

bool IsSafeText(std::string_view text) {
  return text.size() <= 1024 && std::all_of(text.begin(), text.end(),
                                            [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

std::string Quote(std::string_view text) {
  std::string result = "\"";
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) continue;
    if (c == '"' || c == '\\') result.push_back('\\');
    result.push_back(c);
  }
  return result + "\"";
}

std::string QuoteDisplayName(std::string_view name) {
  std::string clean;
  while (!name.empty()) {
    const size_t length = Utf8Length(name);
    const auto lead = static_cast<unsigned char>(name.front());
    const bool is_control = lead < 0x20 || lead == 0x7f;
    if (clean.size() + length > kMaxDisplayNameBytes) break;
    if (length != 0 && !is_control) clean += name.substr(0, length);
    name.remove_prefix(length == 0 ? 1 : length);
  }
  return Quote(clean);
}

ReasonFields ParseReason(std::string_view header_value) {
  ReasonFields result;
  for (const std::string& item : SplitHeaderList(header_value)) {
    const size_t semicolon = item.find(';');
    const std::string protocol = ToLower(Trim(std::string_view(item).substr(0, semicolon)));
    std::vector<std::pair<std::string, std::string>> parameters;
    if (semicolon == std::string::npos || !ParseParameters(std::string_view(item).substr(semicolon), parameters)) {
      continue;
    }
    for (const auto& [name, value] : parameters) {
      const auto cause = name == "cause" ? ParseNumber(value, 999) : std::nullopt;
      if (cause && protocol == "sip") result.sip_cause = static_cast<int>(*cause);
      if (cause && protocol == "q.850") result.q850_cause = static_cast<int>(*cause);
      if (name == "text" && result.text.empty()) result.text = value;
    }
  }
  return result;
}

std::string FormatReason(const ReasonFields& reason) {
  std::string value;
  const std::string text = reason.text.empty() ? "" : ";text=" + Quote(reason.text.substr(0, 128));
  if (reason.sip_cause > 0 && reason.sip_cause < 1000) {
    value = "SIP;cause=" + std::to_string(reason.sip_cause) + text;
  }
  if (reason.q850_cause > 0 && reason.q850_cause < 128) {
    if (!value.empty()) value += ", ";
    value += "Q.850;cause=" + std::to_string(reason.q850_cause) + (reason.sip_cause > 0 ? std::string() : text);
  }
  return value;
}

std::string ParseChargingId(std::string_view header_value) {
  constexpr size_t kMaxBytes = 256;
  // Parameters alone: they are read as an address's.
  const auto address = ParseNameAddr("<sip:icid>;" + std::string(header_value));
  const std::string id = address ? address->Parameter("icid-value").value_or("") : std::string();
  return id.size() <= kMaxBytes && IsSafeText(id) ? id : std::string();
}

}  // namespace byon::sip
