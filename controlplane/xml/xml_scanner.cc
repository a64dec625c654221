#include "controlplane/xml/xml_scanner.h"

#include <algorithm>
#include <cctype>

namespace byon::xml {
namespace {

bool IsXmlSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool IsNameCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.' || c == ':' ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::string LocalName(std::string_view name) {
  const size_t colon = name.rfind(':');
  return std::string(colon == std::string_view::npos ? name : name.substr(colon + 1));
}

// The five predefined entities and ASCII character references; nothing for any other.
std::optional<std::string> Unescape(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const size_t ampersand = text.find('&');
    result += text.substr(0, ampersand);
    if (ampersand == std::string_view::npos) break;
    const size_t end = text.find(';', ampersand);
    if (end == std::string_view::npos || end - ampersand > 8) return std::nullopt;
    const std::string_view entity = text.substr(ampersand + 1, end - ampersand - 1);
    text.remove_prefix(end + 1);
    if (entity == "lt") {
      result += '<';
    } else if (entity == "gt") {
      result += '>';
    } else if (entity == "amp") {
      result += '&';
    } else if (entity == "quot") {
      result += '"';
    } else if (entity == "apos") {
      result += '\'';
    } else if (entity.size() > 1 && entity.front() == '#') {
      const bool is_hex = entity[1] == 'x';
      unsigned value = 0;
      for (char c : entity.substr(is_hex ? 2 : 1)) {
        if (!std::isxdigit(static_cast<unsigned char>(c)) || (!is_hex && c > '9')) return std::nullopt;
        const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        value = value * (is_hex ? 16 : 10) + static_cast<unsigned>(lower <= '9' ? lower - '0' : lower - 'a' + 10);
        if (value > 0x10ffff) return std::nullopt;
      }
      // Nothing that we read is written in anything but ASCII; the rest only has to stay harmless.
      result += value >= 0x20 && value < 0x7f ? static_cast<char>(value) : '?';
    } else {
      return std::nullopt;
    }
  }
  return result;
}

}  // namespace

std::string XmlScanner::Event::Attribute(std::string_view attribute_name) const {
  for (const auto& [key, value] : attributes) {
    if (key == attribute_name) return value;
  }
  return {};
}

XmlScanner::XmlScanner(std::string_view xml) : rest_(xml), has_failed_(xml.size() > kMaxBytes) {
  if (rest_.substr(0, 3) == "\xef\xbb\xbf") rest_.remove_prefix(3);
}

XmlScanner::Event XmlScanner::Next() {
  if (has_failed_) return Fail();
  if (pending_close_) {
    Event event{.kind = Kind::kClose, .name = LocalName(*pending_close_), .text = {}, .attributes = {}};
    pending_close_.reset();
    open_.pop_back();
    return event;
  }
  while (true) {
    if (open_.empty()) SkipSpace();
    if (rest_.empty()) {
      if (!open_.empty() || !has_root_) return Fail();
      return {.kind = Kind::kEnd, .name = {}, .text = {}, .attributes = {}};
    }
    if (rest_.front() != '<') return ReadText();
    if (rest_.substr(0, 4) == "<!--") {
      if (!SkipTo("-->")) return Fail();
    } else if (rest_.substr(0, 2) == "<?") {
      if (!SkipTo("?>")) return Fail();
    } else {
      return ReadMarkup();
    }
  }
}

XmlScanner::Event XmlScanner::Fail() {
  has_failed_ = true;
  return {};
}

XmlScanner::Event XmlScanner::ReadText() {
  if (open_.empty()) return Fail();
  const size_t end = rest_.find('<');
  if (end == std::string_view::npos) return Fail();
  auto text = Unescape(rest_.substr(0, end));
  rest_.remove_prefix(end);
  if (!text) return Fail();
  return {.kind = Kind::kText, .name = {}, .text = std::move(*text), .attributes = {}};
}

XmlScanner::Event XmlScanner::ReadMarkup() {
  constexpr std::string_view kCdata = "<![CDATA[";
  if (rest_.substr(0, kCdata.size()) == kCdata) {
    const size_t end = rest_.find("]]>");
    if (end == std::string_view::npos || open_.empty()) return Fail();
    Event event{.kind = Kind::kText,
                .name = {},
                .text = std::string(rest_.substr(kCdata.size(), end - kCdata.size())),
                .attributes = {}};
    rest_.remove_prefix(end + 3);
    return event;
  }
  if (rest_.substr(0, 2) == "<!") return Fail();  // DTD
  return rest_.substr(0, 2) == "</" ? ReadClose() : ReadOpen();
}

XmlScanner::Event XmlScanner::ReadOpen() {
  if (open_.empty() && has_root_) return Fail();
  rest_.remove_prefix(1);
  const std::string name(TakeName());
  if (name.empty() || ++elements_ > kMaxElements || open_.size() == kMaxDepth) return Fail();
  has_root_ = true;
  Event event{.kind = Kind::kOpen, .name = LocalName(name), .text = {}, .attributes = {}};
  if (!ReadAttributes(event)) return Fail();
  open_.push_back(name);
  if (rest_.substr(0, 2) == "/>") {
    pending_close_ = name;
    rest_.remove_prefix(2);
  } else {
    rest_.remove_prefix(1);  // '>', as ReadAttributes has seen
  }
  return event;
}

XmlScanner::Event XmlScanner::ReadClose() {
  rest_.remove_prefix(2);
  const std::string name(TakeName());
  SkipSpace();
  if (open_.empty() || open_.back() != name || rest_.empty() || rest_.front() != '>') return Fail();
  rest_.remove_prefix(1);
  open_.pop_back();
  return {.kind = Kind::kClose, .name = LocalName(name), .text = {}, .attributes = {}};
}

std::string_view XmlScanner::TakeName() {
  size_t length = 0;
  while (length < rest_.size() && IsNameCharacter(rest_[length])) ++length;
  const std::string_view name = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return name;
}

bool XmlScanner::ReadAttributes(Event& event) {
  while (true) {
    SkipSpace();
    if (rest_.empty()) return false;
    if (rest_.front() == '>' || rest_.substr(0, 2) == "/>") return true;
    const std::string name = LocalName(TakeName());
    SkipSpace();
    if (name.empty() || rest_.empty() || rest_.front() != '=') return false;
    rest_.remove_prefix(1);
    SkipSpace();
    if (rest_.empty() || (rest_.front() != '"' && rest_.front() != '\'')) return false;
    const size_t end = rest_.find(rest_.front(), 1);
    if (end == std::string_view::npos || event.attributes.size() == kMaxAttributes) return false;
    auto value = Unescape(rest_.substr(1, end - 1));
    if (!value) return false;
    event.attributes.emplace_back(name, std::move(*value));
    rest_.remove_prefix(end + 1);
  }
}

bool XmlScanner::SkipTo(std::string_view end) {
  const size_t position = rest_.find(end);
  if (position == std::string_view::npos) return false;
  rest_.remove_prefix(position + end.size());
  return true;
}

void XmlScanner::SkipSpace() {
  while (!rest_.empty() && IsXmlSpace(rest_.front())) rest_.remove_prefix(1);
}

std::string Escape(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '&': result += "&amp;"; break;
      case '"': result += "&quot;"; break;
      case '\'': result += "&apos;"; break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\t' || c == '\n') result += c;
    }
  }
  return result;
}

}  // namespace byon::xml
