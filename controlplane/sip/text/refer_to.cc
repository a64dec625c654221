#include "controlplane/sip/text/refer_to.h"

#include <algorithm>

#include "controlplane/sip/text/header_text.h"
#include "controlplane/sip/text/replaces.h"

namespace byon::sip {
namespace {

constexpr size_t kMaxValue = 2048;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 3261 section 19.1.2; nothing for a broken escape or one of a control character.
std::optional<std::string> Unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) return std::nullopt;
    plain += c;
  }
  return plain;
}

// What may stand in a header field of a URI as it is: unreserved, and "[" "]" "/" "?" ":" "+" "$" (hnv-unreserved), of
// which the first are left out because few parsers agree on them.
std::string Escape(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (is_alphanumeric || c == '-' || c == '.' || c == '_') {
      escaped += c;
    } else {
      escaped += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return escaped;
}

}  // namespace

std::string FormatReferTo(std::string_view uri, const std::vector<std::pair<std::string, std::string>>& headers) {
  std::string value = "<" + std::string(uri.substr(0, uri.find('?')));
  char separator = '?';
  for (const auto& [name, text] : headers) {
    value += separator + name + '=' + Escape(text);
    separator = '&';
  }
  return value + ">";
}

std::optional<ReferTo> ParseReferTo(std::string_view value) {
  if (value.size() > kMaxValue) return std::nullopt;
  const auto address = ParseNameAddr(value);
  if (!address || address->uri.empty()) return std::nullopt;
  ReferTo refer;
  const std::string& whole = address->uri;
  const size_t question = whole.find('?');
  refer.uri = whole.substr(0, question);
  for (size_t at = refer.uri.find(';'); at != std::string::npos;) {
    const size_t end = std::min(refer.uri.find(';', at + 1), refer.uri.size());
    const std::string parameter = ToLower(std::string_view(refer.uri).substr(at + 1, end - at - 1));
    if (parameter.starts_with("method=")) {
      refer.is_invite = parameter == "method=invite";
      refer.uri.erase(at, end - at);
    } else {
      at = end;
    }
    at = refer.uri.find(';', at);
  }
  std::string_view headers =
      question == std::string::npos ? std::string_view() : std::string_view(whole).substr(question + 1);
  while (!headers.empty()) {
    const std::string_view header = headers.substr(0, headers.find('&'));
    headers.remove_prefix(std::min(header.size() + 1, headers.size()));
    const size_t equals = header.find('=');
    if (equals == std::string_view::npos || !EqualsIgnoringCase(header.substr(0, equals), "Replaces")) continue;
    const auto text = Unescape(header.substr(equals + 1));
    const auto replaces = text ? ParseReplaces(*text) : std::nullopt;
    if (!replaces || refer.replaces) return std::nullopt;
    // As whoever gets the INVITE sees it.
    refer.replaces =
        call::ReplacedDialog{replaces->call_id, replaces->local_tag, replaces->remote_tag, replaces->is_early_only};
    if (!FormatReplaces(*refer.replaces)) return std::nullopt;
  }
  return refer;
}

}  // namespace byon::sip
