#include "controlplane/sdp/session_description.h"

#include <algorithm>
#include <charconv>

namespace byon::sdp {
namespace {

constexpr size_t kMaxOriginNumberDigits = 40;
// What Serialize may add to a description that lacks it: s=, t= and an address for an unusable one.
constexpr size_t kAddedLines = 2;
constexpr size_t kAddedBytes = 64;

Error At(size_t line, std::string_view what) {
  return Error{"Line " + std::to_string(line) + " of the SDP " + std::string(what) + "."};
}

bool IsTokenChar(char c) {  // RFC 8866 section 9, token-char
  return c > 0x20 && c < 0x7f && std::string_view("\"(),/:;<=>?@[\\]").find(c) == std::string_view::npos;
}
bool IsToken(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenChar); }
bool IsDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

template <typename T>
bool ParseNumber(std::string_view text, T& value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// Splits at single spaces; several in a row make no empty words, because some peers write two.
std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  size_t at = 0;
  while (at < text.size()) {
    size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

class Parser {
 public:
  Outcome<SessionDescription> Parse(std::string_view text) {
    if (text.size() > kMaxBytes) return Error{"The SDP is larger than 64 KiB."};
    size_t line_number = 0;
    size_t bytes = kAddedBytes;
    while (!text.empty()) {
      if (++line_number + kAddedLines > kMaxLines) return Error{"The SDP has more than 4096 lines."};
      size_t end = text.find('\n');
      std::string_view line = text.substr(0, end);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if ((bytes += line.size() + 2) > kMaxBytes) return Error{"The SDP is larger than 64 KiB."};
      // Empty lines are against the grammar, but some peers end with one.
      if (line.empty()) continue;
      if (auto error = HandleLine(line)) return At(line_number, *error);
    }
    if (!has_version_) return Error{"The SDP does not start with v=0."};
    if (!has_origin_) return Error{"The SDP has no o= line."};
    return std::move(result_);
  }

 private:
  using Complaint = std::optional<std::string_view>;

  Complaint HandleLine(std::string_view line) {
    for (char c : line) {
      if ((c >= 0 && c < 0x20 && c != '\t') || c == 0x7f) return "has a control character";
    }
    if (line.size() < 2 || line[1] != '=' || line[0] < 'a' || line[0] > 'z') {
      return "is not of the form <letter>=<value>";
    }
    std::string_view value = line.substr(2);
    if (!has_version_) {
      if (line != "v=0") return "should be v=0";
      has_version_ = true;
      return std::nullopt;
    }
    switch (line[0]) {
      case 'v': return "repeats v=";
      case 'o': return HandleOrigin(value);
      case 's':
        if (result_.media.empty()) result_.session_name = value.empty() ? " " : value;
        return std::nullopt;
      case 'm': return HandleMedia(value);
      case 'c': return HandleConnection(value);
      case 'b': return HandleBandwidth(value);
      case 'a': return HandleAttribute(value);
      default: return std::nullopt;
    }
  }

  Complaint HandleOrigin(std::string_view value) {
    if (has_origin_ || !result_.media.empty()) return "has an o= out of place";
    auto words = Words(value);
    if (words.size() != 6 || words[3] != "IN" || !IsDigits(words[1]) || !IsDigits(words[2]) ||
        words[1].size() > kMaxOriginNumberDigits || words[2].size() > kMaxOriginNumberDigits) {
      return "should be o=<user> <id> <version> IN <IP4|IP6> <address>";
    }
    // The address of the origin names the session only: a host name does no harm here.
    bool is_known_family = words[4] == "IP4" || words[4] == "IP6";
    if (!is_known_family) return "has an address type other than IP4 or IP6";
    result_.origin = {std::string(words[0]), std::string(words[1]), std::string(words[2]), std::string(words[5])};
    // What decides IP4 or IP6 when we write is the address itself.
    if (!IsIpv4(words[5]) && !IsIpv6(words[5])) {
      result_.origin.address = words[4] == "IP4" ? "0.0.0.0" : "::";
    }
    has_origin_ = true;
    return std::nullopt;
  }

  Complaint HandleConnection(std::string_view value) {
    auto words = Words(value);
    if (words.size() != 3 || words[0] != "IN") return "should be c=IN <IP4|IP6> <address>";
    bool is_good = (words[1] == "IP4" && IsIpv4(words[2])) || (words[1] == "IP6" && IsIpv6(words[2]));
    if (!is_good) return "has a c= without a unicast IP address";
    auto& connection = result_.media.empty() ? result_.connection : result_.media.back().connection;
    if (!connection) connection = Connection{std::string(words[2])};
    return std::nullopt;
  }

  Complaint HandleBandwidth(std::string_view value) {
    size_t colon = value.find(':');
    uint32_t number = 0;
    if (colon == std::string_view::npos || !IsToken(value.substr(0, colon)) ||
        !ParseNumber(value.substr(colon + 1), number)) {
      return "should be b=<type>:<number>";
    }
    auto& list = result_.media.empty() ? result_.bandwidths : result_.media.back().bandwidths;
    if (list.size() >= 16) return "has one b= too many";
    list.push_back({std::string(value.substr(0, colon)), number});
    return std::nullopt;
  }

  Complaint HandleMedia(std::string_view value) {
    if (result_.media.size() >= kMaxMediaSections) return "is one m= too many, 8 are allowed";
    auto words = Words(value);
    if (words.size() < 4) return "should be m=<media> <port> <protocol> <format>...";
    if (words.size() - 3 > kMaxFormats) return "has more than 64 formats";
    MediaSection media;
    // A count of ports is for layered coding only; the first port is what counts for us.
    std::string_view port = words[1].substr(0, words[1].find('/'));
    if (!IsToken(words[0]) || !ParseNumber(port, media.port)) return "has no valid media type and port";
    media.media = words[0];
    media.protocol = words[2];
    media.formats.assign(words.begin() + 3, words.end());
    result_.media.push_back(std::move(media));
    candidates_ = 0;
    return std::nullopt;
  }

  Complaint HandleAttribute(std::string_view value) {
    size_t colon = value.find(':');
    std::string_view name = value.substr(0, colon);
    if (!IsToken(name)) return "has an attribute without a valid name";
    if (name == "candidate" && ++candidates_ > kMaxCandidates) return "is one candidate too many";
    Attribute attribute{std::string(name), std::nullopt};
    if (colon != std::string_view::npos) attribute.value = std::string(value.substr(colon + 1));
    auto& list = result_.media.empty() ? result_.attributes : result_.media.back().attributes;
    list.push_back(std::move(attribute));
    return std::nullopt;
  }

  SessionDescription result_;
  bool has_version_ = false;
  bool has_origin_ = false;
  size_t candidates_ = 0;
};

std::string AddressText(const std::string& address) { return (IsIpv6(address) ? "IN IP6 " : "IN IP4 ") + address; }

void Append(std::string& out, const std::optional<Connection>& connection, const std::vector<Bandwidth>& bandwidths) {
  if (connection) out += "c=" + AddressText(connection->address) + "\r\n";
  for (const auto& b : bandwidths) out += "b=" + b.modifier + ':' + std::to_string(b.value) + "\r\n";
}

void Append(std::string& out, const std::vector<Attribute>& attributes) {
  for (const auto& a : attributes) {
    out += "a=" + a.name;
    if (a.value) out += ':' + *a.value;
    out += "\r\n";
  }
}

}  // namespace

Outcome<SessionDescription> ParseSessionDescription(std::string_view text) { return Parser().Parse(text); }

std::string Serialize(const SessionDescription& description) {
  std::string out;
  out.reserve(1024);
  const Origin& origin = description.origin;
  out += "v=0\r\no=" + origin.username + ' ' + origin.session_id + ' ' + origin.session_version + ' ' +
         AddressText(origin.address) + "\r\n";
  out += "s=" + description.session_name + "\r\n";
  Append(out, description.connection, description.bandwidths);
  out += "t=0 0\r\n";
  Append(out, description.attributes);
  for (const MediaSection& media : description.media) {
    out += "m=" + media.media + ' ' + std::to_string(media.port) + ' ' + media.protocol;
    for (const auto& format : media.formats) out += ' ' + format;
    out += "\r\n";
    Append(out, media.connection, media.bandwidths);
    Append(out, media.attributes);
  }
  return out;
}

const Attribute* FindAttribute(const std::vector<Attribute>& attributes, std::string_view name) {
  auto it = std::find_if(attributes.begin(), attributes.end(), [&](const Attribute& a) { return a.name == name; });
  return it == attributes.end() ? nullptr : &*it;
}

const Attribute* FindAttribute(const SessionDescription& session, const MediaSection& media, std::string_view name) {
  const Attribute* found = FindAttribute(media.attributes, name);
  return found ? found : FindAttribute(session.attributes, name);
}

}  // namespace byon::sdp
