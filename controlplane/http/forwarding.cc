#include "controlplane/http/forwarding.h"

#include <algorithm>
#include <optional>

namespace byon::http {
namespace {

using auth::NetworkAddress;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool IsDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]:4711".
std::optional<NetworkAddress> AddressOf(std::string_view node) {
  std::string_view port;
  if (node.starts_with('[')) {
    const size_t end = node.find(']');
    if (end == node.npos) return std::nullopt;
    port = node.substr(end + 1);
    node = node.substr(1, end - 1);
    if (node.find(':') == node.npos) return std::nullopt;
  } else if (const size_t colon = node.find(':'); colon != node.npos && node.find(':', colon + 1) == node.npos) {
    port = node.substr(colon);
    node = node.substr(0, colon);
  }
  if (!port.empty() && (port.front() != ':' || !IsDigits(port.substr(1)))) return std::nullopt;
  return NetworkAddress::Parse(node);
}

std::vector<std::string_view> Split(std::string_view text) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    if (const auto part = Trimmed(text.substr(0, comma)); !part.empty()) parts.push_back(part);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

std::string SchemeOf(std::string_view text) {
  const std::string scheme = Lower(Trimmed(text));
  return scheme == "http" || scheme == "https" ? scheme : "";
}

// Host (RFC 9110 section 7.2): what can stand in an authority and nothing else.
std::string HostOf(std::string_view text) {
  text = Trimmed(text);
  constexpr size_t kMaxHostBytes = 300;
  const bool is_good = text.size() <= kMaxHostBytes && std::all_of(text.begin(), text.end(), [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                c == '.' || c == '-' || c == '_' || c == ':' || c == '[' || c == ']';
                       });
  return is_good ? std::string(text) : "";
}

// One parameter's value: a token or a quoted string (RFC 9110 sections 5.6.2 and 5.6.4).
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}
  bool IsAtEnd() const { return at_ >= text_.size(); }
  bool Take(char c) {
    if (IsAtEnd() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void SkipBlanks() {
    while (!IsAtEnd() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  std::string_view TakeToken() {
    constexpr std::string_view kSeparators = "()<>@,;:\\\"/[]?={} \t";
    const size_t start = at_;
    while (!IsAtEnd() && kSeparators.find(text_[at_]) == kSeparators.npos && text_[at_] > ' ' && text_[at_] < '\x7f')
      ++at_;
    return text_.substr(start, at_ - start);
  }
  std::optional<std::string> TakeQuoted() {
    std::string value;
    for (++at_; !IsAtEnd(); ++at_) {
      char c = text_[at_];
      if (c == '"') {
        ++at_;
        return value;
      }
      if (c == '\\') {
        if (++at_ >= text_.size()) return std::nullopt;
        c = text_[at_];
      }
      value += c;
    }
    return std::nullopt;
  }
  std::optional<std::string> TakeValue() {
    if (!IsAtEnd() && text_[at_] == '"') return TakeQuoted();
    const std::string_view token = TakeToken();
    return token.empty() ? std::nullopt : std::optional(std::string(token));
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

// False at a fault.
bool TakeParameter(Cursor& cursor, ForwardedElement& element) {
  const std::string name = Lower(cursor.TakeToken());
  if (name.empty() || !cursor.Take('=')) return false;
  auto value = cursor.TakeValue();
  if (!value) return false;
  std::string* const target = name == "for"     ? &element.node
                              : name == "proto" ? &element.proto
                              : name == "host"  ? &element.host
                                                : nullptr;
  if (target == nullptr) return true;  // "by" and extensions
  if (!target->empty()) return false;  // section 4: each parameter at most once
  *target = std::move(*value);
  return true;
}

struct Hop {
  std::string node;
  std::string scheme;
  std::string host;
};

std::vector<Hop> HopsOf(const ProxyTrust& trust, const ForwardingHeaders& headers) {
  std::vector<Hop> hops;
  if (trust.uses_forwarded) {
    for (const ForwardedElement& one : ParseForwarded(headers.forwarded)) {
      hops.push_back({one.node, SchemeOf(one.proto), HostOf(one.host)});
    }
    return hops;
  }
  for (const std::string_view node : Split(headers.x_forwarded_for)) hops.push_back({std::string(node), "", ""});
  return hops;
}

std::string_view LastOf(std::string_view list) {
  const auto parts = Split(list);
  return parts.empty() ? std::string_view() : parts.back();
}

}  // namespace

bool ProxyTrust::Trusts(std::string_view address) const {
  if (proxies.IsEmpty()) return false;
  const auto parsed = NetworkAddress::Parse(address);
  return parsed && proxies.Contains(*parsed);
}

std::vector<ForwardedElement> ParseForwarded(std::string_view text) {
  std::vector<ForwardedElement> elements;
  Cursor cursor(text);
  cursor.SkipBlanks();
  while (!cursor.IsAtEnd()) {
    ForwardedElement element;
    bool is_good = TakeParameter(cursor, element);
    while (is_good && cursor.Take(';')) is_good = cursor.IsAtEnd() || TakeParameter(cursor, element);
    cursor.SkipBlanks();
    is_good = is_good && (cursor.IsAtEnd() || cursor.Take(','));
    // What comes after a fault cannot be told from what belongs to it.
    elements.push_back(is_good ? std::move(element) : ForwardedElement{});
    if (!is_good) return elements;
    cursor.SkipBlanks();
  }
  return elements;
}

Client ClientOf(const ProxyTrust& trust, std::string_view peer, const ForwardingHeaders& headers) {
  Client client;
  client.address = std::string(peer);
  if (!trust.Trusts(peer)) return client;
  client.is_forwarded = true;
  if (!trust.uses_forwarded) {
    client.scheme = SchemeOf(LastOf(headers.x_forwarded_proto));
    client.host = HostOf(LastOf(headers.x_forwarded_host));
  }
  const std::vector<Hop> hops = HopsOf(trust, headers);
  for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
    if (trust.uses_forwarded) {
      if (!hop->scheme.empty()) client.scheme = hop->scheme;
      if (!hop->host.empty()) client.host = hop->host;
    }
    const auto address = AddressOf(hop->node);
    if (!address) break;
    client.address = address->ToText();
    if (!trust.proxies.Contains(*address)) break;
  }
  return client;
}

}  // namespace byon::http
