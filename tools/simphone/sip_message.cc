#include "tools/simphone/sip_message.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace byon::simphone {
namespace {

struct CompactName {
  char letter;
  std::string_view name;
};
// RFC 3261 section 7.3.3 and the RFCs that define the headers.
constexpr std::array kCompactNames = {
    CompactName{'v', "Via"},          CompactName{'f', "From"},
    CompactName{'t', "To"},           CompactName{'i', "Call-ID"},
    CompactName{'m', "Contact"},      CompactName{'l', "Content-Length"},
    CompactName{'c', "Content-Type"}, CompactName{'k', "Supported"},
    CompactName{'s', "Subject"},      CompactName{'x', "Session-Expires"},
    CompactName{'r', "Refer-To"},     CompactName{'o', "Event"},
};

std::string ExpandName(std::string_view name) {
  if (name.size() == 1) {
    const char letter = static_cast<char>(std::tolower(static_cast<unsigned char>(name[0])));
    for (const CompactName& compact : kCompactNames) {
      if (compact.letter == letter) return std::string(compact.name);
    }
  }
  return std::string(name);
}

template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string> SplitOutsideQuotes(std::string_view text) {
  std::vector<std::string> parts;
  bool in_quotes = false;
  int angle_depth = 0;
  size_t start = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    const bool at_end = i == text.size();
    if (!at_end && text[i] == '"' && (i == 0 || text[i - 1] != '\\')) in_quotes = !in_quotes;
    if (!at_end && !in_quotes && text[i] == '<') ++angle_depth;
    if (!at_end && !in_quotes && text[i] == '>') --angle_depth;
    if (at_end || (text[i] == ',' && !in_quotes && angle_depth <= 0)) {
      const std::string_view part = Trim(text.substr(start, i - start));
      if (!part.empty()) parts.emplace_back(part);
      start = i + 1;
    }
  }
  return parts;
}

}  // namespace

bool EqualNoCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::optional<SipUri> SipUri::Parse(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  SipUri uri;
  uri.scheme = std::string(text.substr(0, colon));
  std::string_view rest = text.substr(colon + 1);
  rest = rest.substr(0, rest.find('?'));
  const size_t semicolon = rest.find(';', rest.find('@') == rest.npos ? 0 : rest.find('@'));
  if (semicolon != rest.npos) {
    uri.parameters = std::string(rest.substr(semicolon));
    rest = rest.substr(0, semicolon);
  }
  if (EqualNoCase(uri.scheme, "tel")) {
    uri.user = std::string(rest);
    return uri;
  }
  if (const size_t at = rest.rfind('@'); at != rest.npos) {
    uri.user = std::string(rest.substr(0, at));
    rest = rest.substr(at + 1);
  }
  std::string_view port;
  if (!rest.empty() && rest[0] == '[') {
    const size_t close = rest.find(']');
    if (close == rest.npos) return std::nullopt;
    uri.host = std::string(rest.substr(1, close - 1));
    if (close + 1 < rest.size() && rest[close + 1] == ':') port = rest.substr(close + 2);
  } else {
    const size_t port_colon = rest.find(':');
    uri.host = std::string(rest.substr(0, port_colon));
    if (port_colon != rest.npos) port = rest.substr(port_colon + 1);
  }
  if (!port.empty()) {
    const auto number = ParseNumber<uint16_t>(port);
    if (!number) return std::nullopt;
    uri.port = *number;
  }
  if (uri.host.empty()) return std::nullopt;
  return uri;
}

NameAddress NameAddress::Parse(std::string_view text) {
  NameAddress address;
  const size_t open = text.find('<');
  if (open != text.npos) {
    const size_t close = text.find('>', open);
    address.uri = std::string(text.substr(open + 1, close - open - 1));
    if (close != text.npos) address.parameters = std::string(Trim(text.substr(close + 1)));
  } else {
    // Without brackets the parameters belong to the header, not to the URI (section 20.10).
    const size_t semicolon = text.find(';');
    address.uri = std::string(Trim(text.substr(0, semicolon)));
    if (semicolon != text.npos) address.parameters = std::string(text.substr(semicolon));
  }
  return address;
}

std::optional<std::string> NameAddress::Parameter(std::string_view name) const {
  return FindParameter(parameters, name);
}

std::optional<std::string> FindParameter(std::string_view parameters, std::string_view name) {
  while (!parameters.empty()) {
    if (parameters[0] == ';') parameters.remove_prefix(1);
    bool in_quotes = false;
    size_t end = 0;
    while (end < parameters.size() && (in_quotes || parameters[end] != ';')) {
      if (parameters[end] == '"') in_quotes = !in_quotes;
      ++end;
    }
    const std::string_view parameter = parameters.substr(0, end);
    const size_t equals = parameter.find('=');
    if (EqualNoCase(Trim(parameter.substr(0, equals)), name)) {
      if (equals == parameter.npos) return std::string();
      std::string_view value = Trim(parameter.substr(equals + 1));
      if (value.size() >= 2 && value.front() == '"') value = value.substr(1, value.size() - 2);
      return std::string(value);
    }
    parameters.remove_prefix(end);
  }
  return std::nullopt;
}

SipMessage SipMessage::Request(std::string method, std::string uri) {
  SipMessage message;
  message.method_ = std::move(method);
  message.request_uri_ = std::move(uri);
  return message;
}

SipMessage SipMessage::ResponseTo(const SipMessage& request, int status, std::string reason) {
  SipMessage message;
  message.method_ = request.method_;
  message.status_ = status;
  message.reason_ = std::move(reason);
  for (const Field& field : request.fields_) {
    const bool copied = EqualNoCase(field.name, "Via") || EqualNoCase(field.name, "From") ||
                        EqualNoCase(field.name, "To") || EqualNoCase(field.name, "Call-ID") ||
                        EqualNoCase(field.name, "CSeq") || EqualNoCase(field.name, "Record-Route");
    if (copied) message.fields_.push_back(field);
  }
  return message;
}

bool SipMessage::ParseStartLine(std::string_view line) {
  const size_t first = line.find(' ');
  const size_t second = first == line.npos ? first : line.find(' ', first + 1);
  if (first == line.npos) return false;
  if (line.substr(0, first) == "SIP/2.0") {
    const auto code = ParseNumber<int>(line.substr(first + 1, second - first - 1));
    if (!code || *code < 100 || *code > 699) return false;
    status_ = *code;
    if (second != line.npos) reason_ = std::string(line.substr(second + 1));
    return true;
  }
  if (second == line.npos || line.substr(second + 1) != "SIP/2.0") return false;
  method_ = std::string(line.substr(0, first));
  request_uri_ = std::string(line.substr(first + 1, second - first - 1));
  return !method_.empty() && !request_uri_.empty();
}

std::optional<SipMessage> SipMessage::Parse(std::string_view wire) {
  const size_t header_end = wire.find("\r\n\r\n");
  if (header_end == wire.npos) return std::nullopt;
  std::string_view head = wire.substr(0, header_end);
  SipMessage message;
  message.body_ = std::string(wire.substr(header_end + 4));
  bool is_first = true;
  while (!head.empty()) {
    size_t end = head.find("\r\n");
    // A line that starts with white space continues the one before (section 7.3.1).
    while (end != head.npos && end + 2 < head.size() && (head[end + 2] == ' ' || head[end + 2] == '\t')) {
      end = head.find("\r\n", end + 2);
    }
    const std::string_view line = head.substr(0, end);
    head = end == head.npos ? std::string_view() : head.substr(end + 2);
    if (is_first) {
      if (!message.ParseStartLine(line)) return std::nullopt;
      is_first = false;
      continue;
    }
    const size_t colon = line.find(':');
    if (colon == line.npos) return std::nullopt;
    message.Add(ExpandName(Trim(line.substr(0, colon))), std::string(Trim(line.substr(colon + 1))));
  }
  if (is_first) return std::nullopt;
  if (!message.is_request()) {
    const std::string cseq = message.Header("CSeq");
    const size_t space = cseq.find(' ');
    if (space == cseq.npos) return std::nullopt;
    message.method_ = std::string(Trim(std::string_view(cseq).substr(space)));
  }
  const std::string length = message.Header("Content-Length");
  if (!length.empty()) {
    const auto bytes = ParseNumber<size_t>(length);
    if (!bytes || *bytes > message.body_.size()) return std::nullopt;
    message.body_.resize(*bytes);
  }
  return message;
}

std::optional<size_t> SipMessage::FrameLength(std::string_view stream) {
  const size_t header_end = stream.find("\r\n\r\n");
  if (header_end == stream.npos) return std::nullopt;
  std::string_view head = stream.substr(0, header_end);
  // A body that claims to be longer is never complete; the transport gives up on its sender.
  constexpr size_t kLongestBodyBytes = 1 << 20;
  size_t body_bytes = 0;
  while (!head.empty()) {
    const size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head = end == head.npos ? std::string_view() : head.substr(end + 2);
    const size_t colon = line.find(':');
    if (colon == line.npos) continue;
    if (!EqualNoCase(ExpandName(Trim(line.substr(0, colon))), "Content-Length")) continue;
    body_bytes = ParseNumber<size_t>(Trim(line.substr(colon + 1))).value_or(0);
    body_bytes = std::min(body_bytes, kLongestBodyBytes);
  }
  return header_end + 4 + body_bytes;
}

std::string SipMessage::Header(std::string_view name) const {
  for (const Field& field : fields_) {
    if (EqualNoCase(field.name, name)) return field.value;
  }
  return {};
}

std::vector<std::string> SipMessage::HeaderList(std::string_view name) const {
  std::vector<std::string> values;
  for (const Field& field : fields_) {
    if (!EqualNoCase(field.name, name)) continue;
    for (std::string& value : SplitOutsideQuotes(field.value)) values.push_back(std::move(value));
  }
  return values;
}

bool SipMessage::HasOption(std::string_view header, std::string_view option) const {
  for (const std::string& value : HeaderList(header)) {
    if (EqualNoCase(value, option)) return true;
  }
  return false;
}

uint32_t SipMessage::cseq() const {
  const std::string value = Header("CSeq");
  return ParseNumber<uint32_t>(std::string_view(value).substr(0, value.find(' '))).value_or(0);
}

void SipMessage::Add(std::string name, std::string value) { fields_.push_back({std::move(name), std::move(value)}); }

void SipMessage::AddFirst(std::string name, std::string value) {
  fields_.insert(fields_.begin(), Field{std::move(name), std::move(value)});
}

void SipMessage::Set(std::string_view name, std::string value) {
  for (Field& field : fields_) {
    if (EqualNoCase(field.name, name)) {
      field.value = std::move(value);
      return;
    }
  }
  Add(std::string(name), std::move(value));
}

void SipMessage::Remove(std::string_view name) {
  std::erase_if(fields_, [&](const Field& field) { return EqualNoCase(field.name, name); });
}

void SipMessage::SetBody(std::string content_type, std::string body) {
  Set("Content-Type", std::move(content_type));
  body_ = std::move(body);
}

std::string SipMessage::Serialize() const {
  std::string wire = is_request() ? method_ + " " + request_uri_ + " SIP/2.0\r\n"
                                  : "SIP/2.0 " + std::to_string(status_) + " " + reason_ + "\r\n";
  for (const Field& field : fields_) {
    if (!EqualNoCase(field.name, "Content-Length")) wire += field.name + ": " + field.value + "\r\n";
  }
  return wire + "Content-Length: " + std::to_string(body_.size()) + "\r\n\r\n" + body_;
}

}  // namespace byon::simphone
