#include "controlplane/web_sip/message.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "controlplane/sip/text/header_text.h"
#include "dataplane/base/check.h"

namespace byon::web_sip {
namespace {

constexpr std::string_view kVersion = "SIP/2.0";

// RFC 3261 section 7.3.3; RFC 4028, 3515 and 6665 for the last three.
constexpr std::array<std::pair<char, std::string_view>, 12> kCompactNames{{{'v', "Via"},
                                                                           {'f', "From"},
                                                                           {'t', "To"},
                                                                           {'i', "Call-ID"},
                                                                           {'m', "Contact"},
                                                                           {'l', "Content-Length"},
                                                                           {'c', "Content-Type"},
                                                                           {'e', "Content-Encoding"},
                                                                           {'k', "Supported"},
                                                                           {'x', "Session-Expires"},
                                                                           {'r', "Refer-To"},
                                                                           {'o', "Event"}}};

bool IsTokenCharacter(char c) {  // RFC 3261 section 25.1
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-.!%*_+`'~").find(c) != std::string_view::npos;
}
bool IsToken(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), IsTokenCharacter);
}
bool IsBlank(char c) { return c == ' ' || c == '\t'; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; });
}

std::string LongName(std::string_view name) {
  if (name.size() == 1) {
    for (const auto& [letter, full] : kCompactNames) {
      if ((name[0] | 0x20) == letter) return std::string(full);
    }
  }
  return std::string(name);
}

}  // namespace

class MessageReader {
 public:
  explicit MessageReader(std::string_view text) : rest_(text) {}

  base::Result<SipMessage, ParseFailure> Read() {
    if (rest_.size() > SipMessage::kMaxBytes) return ParseFailure::kTooLarge;
    std::string line;
    // Empty lines before the start line are forgiven (RFC 3261 section 7.5).
    while (rest_.starts_with("\r\n")) rest_.remove_prefix(2);
    if (!TakeLine(line)) return failure_;
    if (const auto failure = ReadStartLine(line)) return *failure;
    while (true) {
      if (!TakeLine(line)) return failure_;
      if (line.empty()) break;
      if (message_.fields_.size() == SipMessage::kMaxFields) return ParseFailure::kTooLarge;
      if (!ReadField(line)) return ParseFailure::kBadHeader;
    }
    return FinishBody();
  }

 private:
  // One line with its continuations (RFC 3261 section 7.3.1) unfolded.
  bool TakeLine(std::string& line) {
    line.clear();
    while (true) {
      const size_t end = rest_.find("\r\n");
      if (end == rest_.npos) return Fail(ParseFailure::kNoEndOfHeaders);
      if (line.size() + end > SipMessage::kMaxLineBytes) return Fail(ParseFailure::kTooLarge);
      line += rest_.substr(0, end);
      rest_.remove_prefix(end + 2);
      const bool goes_on = !line.empty() && !rest_.empty() && IsBlank(rest_.front());
      if (!goes_on) return true;
      rest_ = rest_.substr(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
      line += ' ';
    }
  }
  bool Fail(ParseFailure failure) {
    failure_ = failure;
    return false;
  }

  std::optional<ParseFailure> ReadStartLine(std::string_view line) {
    if (HasControl(line) || line.find('\t') != line.npos) return ParseFailure::kBadStartLine;
    const size_t first = line.find(' ');
    if (first == line.npos) return ParseFailure::kBadStartLine;
    if (line.starts_with("SIP/")) return ReadStatusLine(line, first);
    const size_t second = line.find(' ', first + 1);
    if (second == line.npos || second == first + 1 || line.find(' ', second + 1) != line.npos) {
      return ParseFailure::kBadStartLine;
    }
    if (line.substr(second + 1) != kVersion) return ParseFailure::kBadVersion;
    message_.method_ = std::string(line.substr(0, first));
    message_.uri_ = std::string(line.substr(first + 1, second - first - 1));
    return IsToken(message_.method_) ? std::nullopt : std::optional(ParseFailure::kBadStartLine);
  }
  std::optional<ParseFailure> ReadStatusLine(std::string_view line, size_t space) {
    if (line.substr(0, space) != kVersion) return ParseFailure::kBadVersion;
    const std::string_view code = line.substr(space + 1, 3);
    const auto status = sip::ParseNumber(code, 699);
    const bool is_alone = line.size() == space + 4 || (line.size() > space + 4 && line[space + 4] == ' ');
    if (code.size() != 3 || !status || *status < 100 || !is_alone) return ParseFailure::kBadStartLine;
    message_.status_ = static_cast<int>(*status);
    if (line.size() > space + 5) message_.reason_ = std::string(line.substr(space + 5));
    return std::nullopt;
  }

  bool ReadField(std::string_view line) {
    const size_t colon = line.find(':');
    if (colon == line.npos || HasControl(line)) return false;
    const std::string_view name = Trim(line.substr(0, colon));
    if (!IsToken(name) || IsBlank(line.front())) return false;
    message_.fields_.push_back({LongName(name), std::string(Trim(line.substr(colon + 1)))});
    return true;
  }

  // Over WebSocket Content-Length may be left out; what is there must be true (RFC 7118 section 5.3).
  base::Result<SipMessage, ParseFailure> FinishBody() {
    for (const std::string& length : message_.All("Content-Length")) {
      const auto bytes = sip::ParseNumber(length, SipMessage::kMaxBytes);
      if (!bytes || *bytes != rest_.size()) return ParseFailure::kBadLength;
    }
    message_.body_ = std::string(rest_);
    return std::move(message_);
  }

  std::string_view rest_;
  SipMessage message_;
  ParseFailure failure_ = ParseFailure::kBadHeader;
};

base::Result<SipMessage, ParseFailure> SipMessage::Parse(std::string_view text) { return MessageReader(text).Read(); }

SipMessage SipMessage::Request(std::string method, std::string uri) {
  SipMessage message;
  message.method_ = std::move(method);
  message.uri_ = std::move(uri);
  return message;
}

SipMessage SipMessage::Response(int status, std::string reason) {
  SipMessage message;
  message.status_ = status;
  message.reason_ = std::move(reason);
  return message;
}

const std::string* SipMessage::Find(std::string_view name) const {
  for (const Field& field : fields_) {
    if (sip::EqualsIgnoringCase(field.name, name)) return &field.value;
  }
  return nullptr;
}

std::string SipMessage::Text(std::string_view name) const {
  const std::string* value = Find(name);
  return value == nullptr ? std::string() : *value;
}

std::vector<std::string> SipMessage::All(std::string_view name) const {
  std::vector<std::string> values;
  for (const Field& field : fields_) {
    if (sip::EqualsIgnoringCase(field.name, name)) values.push_back(field.value);
  }
  return values;
}

size_t SipMessage::Count(std::string_view name) const {
  return static_cast<size_t>(std::count_if(
      fields_.begin(), fields_.end(), [&](const Field& field) { return sip::EqualsIgnoringCase(field.name, name); }));
}

bool SipMessage::Lists(std::string_view name, std::string_view item) const {
  const std::vector<std::string> values = All(name);
  return std::any_of(values.begin(), values.end(), [&](const std::string& value) { return sip::ListHas(value, item); });
}

std::string SipMessage::ContentType() const {
  const std::string value = Text("Content-Type");
  return sip::ToLower(Trim(std::string_view(value).substr(0, value.find(';'))));
}

SipMessage& SipMessage::Add(std::string name, std::string value) {
  BYON_CHECK(value.find_first_of("\r\n") == std::string::npos, "a header value of our own has a line end");
  fields_.push_back({std::move(name), std::move(value)});
  return *this;
}

SipMessage& SipMessage::SetBody(std::string content_type, std::string body) {
  Add("Content-Type", std::move(content_type));
  body_ = std::move(body);
  return *this;
}

std::string SipMessage::Serialize() const {
  std::string text = is_request() ? method_ + ' ' + uri_ + " SIP/2.0\r\n"
                                  : "SIP/2.0 " + std::to_string(status_) + ' ' + reason_ + "\r\n";
  for (const Field& field : fields_) {
    if (sip::EqualsIgnoringCase(field.name, "Content-Length")) continue;
    text += field.name + ": " + field.value + "\r\n";
  }
  return text + "Content-Length: " + std::to_string(body_.size()) + "\r\n\r\n" + body_;
}

std::string_view ToString(ParseFailure failure) {
  switch (failure) {
    case ParseFailure::kTooLarge: return "too large";
    case ParseFailure::kBadStartLine: return "bad start line";
    case ParseFailure::kBadVersion: return "bad version";
    case ParseFailure::kBadHeader: return "bad header";
    case ParseFailure::kNoEndOfHeaders: return "no end of headers";
    case ParseFailure::kBadLength: return "bad content length";
  }
  return "";
}

std::string_view PhraseOf(int status) {
  switch (status) {
    case 100: return "Trying";
    case 180: return "Ringing";
    case 182: return "Queued";
    case 183: return "Session Progress";
    case 200: return "OK";
    case 380: return "Alternative Service";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 410: return "Gone";
    case 415: return "Unsupported Media Type";
    case 416: return "Unsupported URI Scheme";
    case 420: return "Bad Extension";
    case 422: return "Session Interval Too Small";
    case 423: return "Interval Too Brief";
    case 424: return "Bad Location Information";
    case 480: return "Temporarily Unavailable";
    case 481: return "Call/Transaction Does Not Exist";
    case 482: return "Loop Detected";
    case 483: return "Too Many Hops";
    case 484: return "Address Incomplete";
    case 486: return "Busy Here";
    case 487: return "Request Terminated";
    case 488: return "Not Acceptable Here";
    case 491: return "Request Pending";
    case 500: return "Server Internal Error";
    case 503: return "Service Unavailable";
    case 504: return "Server Time-out";
    case 505: return "Version Not Supported";
    case 600: return "Busy Everywhere";
    case 603: return "Decline";
    case 604: return "Does Not Exist Anywhere";
    default: return "Failure";
  }
}

}  // namespace byon::web_sip
