#include "controlplane/messaging/cpim.h"

#include <algorithm>
#include <vector>

namespace byon::messaging {
namespace {

constexpr size_t kMaxHeaderLines = 64;
constexpr std::string_view kImdnNamespace = "urn:ietf:params:imdn";  // RFC 5438 section 6

struct Header {
  std::string name;  // lower case
  std::string value;
};

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// A line without its end (CR LF, or LF alone); the text goes on behind it.
std::optional<std::string_view> TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view line = text.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  text.remove_prefix(end + 1);
  return line;
}

// The header lines up to the empty one.
std::optional<std::vector<Header>> TakeHeaders(std::string_view& text) {
  std::vector<Header> headers;
  while (true) {
    const auto line = TakeLine(text);
    if (!line || headers.size() > kMaxHeaderLines) return std::nullopt;
    if (line->empty()) return headers;
    const size_t colon = line->find(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    headers.push_back({Lower(Trim(line->substr(0, colon))), std::string(Trim(line->substr(colon + 1)))});
  }
}

// The URI between < and >, else the whole value.
std::string UriOf(const std::string& value) {
  const size_t open = value.rfind('<');
  const size_t close = value.find('>', open == std::string::npos ? 0 : open);
  if (open == std::string::npos || close == std::string::npos) return value;
  return value.substr(open + 1, close - open - 1);
}

bool HasItem(const std::string& list, std::string_view item) {
  std::string_view rest = list;
  while (true) {
    const size_t comma = rest.find(',');
    if (Lower(Trim(rest.substr(0, comma))) == item) return true;
    if (comma == std::string_view::npos) return false;
    rest.remove_prefix(comma + 1);
  }
}

// "NS: prefix <urn>" names the prefix of the headers to come (RFC 3862 section 4.5).
std::string ImdnPrefix(const std::vector<Header>& headers) {
  for (const Header& header : headers) {
    if (header.name != "ns" || UriOf(header.value) != kImdnNamespace) continue;
    const std::string prefix = Lower(Trim(std::string_view(header.value).substr(0, header.value.find('<'))));
    if (!prefix.empty()) return prefix + ".";
  }
  return "imdn.";
}

}  // namespace

std::optional<Cpim> ParseCpim(std::string_view text) {
  const auto headers = TakeHeaders(text);
  if (!headers) return std::nullopt;
  Cpim cpim;
  const std::string prefix = ImdnPrefix(*headers);
  for (const Header& header : *headers) {
    if (header.name == "from") cpim.from = UriOf(header.value);
    if (header.name == "to" && cpim.to.empty()) cpim.to = UriOf(header.value);
    if (header.name == "datetime") cpim.date_time = header.value;
    if (header.name == prefix + "message-id") cpim.message_id = header.value;
    if (header.name == prefix + "disposition-notification") {
      cpim.wants_delivery = HasItem(header.value, "positive-delivery");
      cpim.wants_display = HasItem(header.value, "display");
    }
    // RFC 5438's own examples leave out the empty line before the content's headers.
    if (header.name == "content-type") cpim.content_type = header.value;
  }
  if (cpim.content_type.empty()) {
    const auto content_headers = TakeHeaders(text);
    if (!content_headers) return std::nullopt;
    for (const Header& header : *content_headers) {
      if (header.name == "content-type") cpim.content_type = header.value;
    }
  }
  if (cpim.content_type.empty()) return std::nullopt;
  cpim.body = text;
  return cpim;
}

std::string BuildCpim(const Cpim& cpim) {
  std::string text = "From: <" + cpim.from + ">\r\nTo: <" + cpim.to + ">\r\n";
  if (!cpim.date_time.empty()) text += "DateTime: " + cpim.date_time + "\r\n";
  if (!cpim.message_id.empty()) {
    text += "NS: imdn <" + std::string(kImdnNamespace) + ">\r\nimdn.Message-ID: " + cpim.message_id + "\r\n";
    std::string wanted;
    if (cpim.wants_delivery) wanted = "positive-delivery, negative-delivery";
    if (cpim.wants_display) wanted += std::string(wanted.empty() ? "" : ", ") + "display";
    if (!wanted.empty()) text += "imdn.Disposition-Notification: " + wanted + "\r\n";
  }
  text += "\r\nContent-Type: " + cpim.content_type + "\r\n";
  if (cpim.content_type.starts_with("message/imdn+xml")) text += "Content-Disposition: notification\r\n";
  text += "Content-Length: " + std::to_string(cpim.body.size()) + "\r\n\r\n";
  return text + cpim.body;
}

}  // namespace byon::messaging
