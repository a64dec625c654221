#include "controlplane/sip/text/multipart.h"

#include <algorithm>
#include <utility>

#include "controlplane/sip/text/header_text.h"

namespace byon::sip {
namespace {

constexpr size_t kMaxBoundary = 70;  // RFC 2046 section 5.1.1
constexpr char kSdpType[] = "application/sdp";

std::string_view Trim(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// A value and its parameters: "type/subtype; name=value; name="quoted; value"".
struct Field {
  std::string value;  // lower case
  std::string_view rest;

  explicit Field(std::string_view text) {
    const size_t end = std::min(text.find(';'), text.size());
    value = ToLower(Trim(text.substr(0, end)));
    rest = text.substr(end);
  }
  // Without its quotes; empty when it is not there.
  std::string Parameter(std::string_view name) const {
    std::string_view text = rest;
    while (!text.empty()) {
      text.remove_prefix(1);  // the semicolon
      const size_t equals = text.find_first_of("=;");
      const std::string_view key = Trim(text.substr(0, equals));
      std::string found;
      if (equals == std::string_view::npos) return {};
      text.remove_prefix(equals);
      if (text.front() == '=') {
        text.remove_prefix(1);
        while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
        found = TakeValue(text);
      }
      if (EqualsIgnoringCase(key, name)) return found;
      text.remove_prefix(std::min(text.find(';'), text.size()));
    }
    return {};
  }

 private:
  static std::string TakeValue(std::string_view& text) {
    if (text.empty() || text.front() != '"') {
      const size_t end = std::min(text.find(';'), text.size());
      const std::string value(Trim(text.substr(0, end)));
      text.remove_prefix(end);
      return value;
    }
    std::string value;
    size_t i = 1;
    for (; i < text.size() && text[i] != '"'; ++i) {
      if (text[i] == '\\' && i + 1 < text.size()) ++i;
      value += text[i];
    }
    text.remove_prefix(std::min(i + 1, text.size()));
    return value;
  }
};

bool IsMultipart(std::string_view type) { return type.starts_with("multipart/"); }

bool IsBoundary(std::string_view boundary) {
  return !boundary.empty() && boundary.size() <= kMaxBoundary && boundary.back() != ' ' &&
         std::all_of(boundary.begin(), boundary.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// The lines of a text, with where each begins and where its line break does. A break is CRLF, or LF alone.
struct Line {
  size_t begin = 0;
  size_t end = 0;   // without the break
  size_t next = 0;  // where the following one begins
};
Line LineAt(std::string_view text, size_t begin) {
  const size_t feed = std::min(text.find('\n', begin), text.size());
  const bool has_return = feed > begin && feed < text.size() && text[feed - 1] == '\r';
  return {begin, has_return ? feed - 1 : feed, std::min(feed + 1, text.size())};
}

enum class Delimiter { kNone, kOpen, kClose };
Delimiter DelimiterIn(std::string_view line, std::string_view boundary) {
  if (!line.starts_with("--") || !line.substr(2).starts_with(boundary)) return Delimiter::kNone;
  std::string_view rest = line.substr(2 + boundary.size());
  const bool is_close = rest.starts_with("--");
  if (is_close) rest.remove_prefix(2);
  if (!Trim(rest).empty()) return Delimiter::kNone;  // a longer boundary, of parts within
  return is_close ? Delimiter::kClose : Delimiter::kOpen;
}

// One level: what stands between the delimiters. Nothing where the last one is missing.
std::optional<std::vector<std::string_view>> Sections(std::string_view body, std::string_view boundary) {
  std::vector<std::string_view> sections;
  std::optional<size_t> begin;
  size_t end_before = 0;  // where the line break before the present line begins
  for (size_t at = 0; at < body.size();) {
    const Line line = LineAt(body, at);
    const Delimiter delimiter = DelimiterIn(body.substr(line.begin, line.end - line.begin), boundary);
    if (delimiter != Delimiter::kNone) {
      if (begin) sections.push_back(body.substr(*begin, std::max(*begin, end_before) - *begin));
      if (delimiter == Delimiter::kClose) return sections;
      if (sections.size() >= kMaxBodyParts) return std::nullopt;
      begin = line.next;
    }
    end_before = line.end;
    at = line.next;
  }
  return std::nullopt;
}

struct Section {
  BodyPart part;
  std::string type_field;  // with its parameters
};
std::optional<Section> ReadSection(std::string_view text) {
  Section section;
  std::string encoding;
  std::string disposition;
  size_t at = 0;
  std::string name;
  std::string value;
  bool has_type = false;
  const auto take = [&] {
    if (EqualsIgnoringCase(name, "Content-Type") || EqualsIgnoringCase(name, "c")) {
      section.type_field = value;
      has_type = true;
    }
    if (EqualsIgnoringCase(name, "Content-Disposition")) disposition = value;
    if (EqualsIgnoringCase(name, "Content-Transfer-Encoding")) encoding = ToLower(Trim(value));
    if (EqualsIgnoringCase(name, "Content-Encoding") || EqualsIgnoringCase(name, "e")) section.part.is_readable = false;
  };
  while (true) {
    if (at > kMaxPartHeaderBytes) return std::nullopt;
    const Line line = LineAt(text, at);
    const std::string_view content = text.substr(line.begin, line.end - line.begin);
    const bool is_folded = !content.empty() && (content.front() == ' ' || content.front() == '\t');
    if (is_folded && !name.empty()) {
      value += ' ';
      value += Trim(content);
      if (value.size() > kMaxPartHeaderBytes) return std::nullopt;
    } else {
      take();
      name.clear();
      if (content.empty()) {
        // The empty line ends the headers; a part without any begins with it, one of headers alone needs none.
        at = line.next;
        break;
      }
      const size_t colon = content.find(':');
      if (colon == std::string_view::npos) return std::nullopt;
      name = std::string(Trim(content.substr(0, colon)));
      value = std::string(Trim(content.substr(colon + 1)));
    }
    if (line.next >= text.size() && line.end == text.size()) {
      take();
      at = text.size();
      break;
    }
    at = line.next;
  }
  BodyPart& part = section.part;
  part.content = text.substr(std::min(at, text.size()));
  part.type = has_type ? Field(section.type_field).value : "text/plain";
  part.disposition = part.type == kSdpType ? "session" : "render";
  if (!disposition.empty()) {
    const Field field(disposition);
    part.disposition = field.value;
    part.is_required = !EqualsIgnoringCase(field.Parameter("handling"), "optional");
  }
  if (!encoding.empty() && encoding != "binary" && encoding != "8bit" && encoding != "7bit") part.is_readable = false;
  return section;
}

bool Split(std::string_view content_type, std::string_view body, bool (*understands)(const BodyPart&), int depth,
           std::vector<BodyPart>& parts) {
  const Field type(content_type);
  const std::string boundary = type.Parameter("boundary");
  if (!IsMultipart(type.value) || !IsBoundary(boundary) || depth > kMaxMultipartDepth) return false;
  const auto sections = Sections(body, boundary);
  if (!sections || sections->empty()) return false;
  const bool is_choice = type.value == "multipart/alternative";
  std::vector<BodyPart> chosen;
  for (const std::string_view text : *sections) {
    auto section = ReadSection(text);
    if (!section) return false;
    std::vector<BodyPart> found;
    if (IsMultipart(section->part.type)) {
      if (!Split(section->type_field, section->part.content, understands, depth + 1, found)) return false;
      // What need not be handled as a whole need not be in its parts.
      for (BodyPart& inner : found) inner.is_required = inner.is_required && section->part.is_required;
    } else {
      found.push_back(std::move(section->part));
    }
    if (!is_choice) {
      parts.insert(parts.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
    } else if (chosen.empty() || std::any_of(found.begin(), found.end(), understands)) {
      chosen = std::move(found);  // the last one is the best (RFC 2046 section 5.1.4)
    }
  }
  parts.insert(parts.end(), std::make_move_iterator(chosen.begin()), std::make_move_iterator(chosen.end()));
  return parts.size() <= kMaxBodyParts;
}

bool IsSdp(const BodyPart& part) { return part.type == kSdpType && part.disposition == "session" && part.is_readable; }

}  // namespace

std::optional<std::vector<BodyPart>> SplitMultipart(std::string_view content_type, std::string_view body,
                                                    bool (*understands)(const BodyPart&)) {
  std::vector<BodyPart> parts;
  if (!Split(content_type, body, understands, 1, parts)) return std::nullopt;
  return parts;
}

BodyVerdict FindSdp(std::string_view content_type, std::string_view disposition, std::string_view body) {
  using Kind = BodyVerdict::Kind;
  if (body.empty()) return {};
  const Field type(content_type);
  const Field whole(disposition);
  const bool is_required = !EqualsIgnoringCase(whole.Parameter("handling"), "optional");
  if (type.value == kSdpType) return {.kind = Kind::kGood, .content = body};
  if (!IsMultipart(type.value)) return {.kind = is_required ? Kind::kUnsupported : Kind::kGood, .content = {}};
  const auto parts = SplitMultipart(content_type, body, IsSdp);
  if (!parts) return {.kind = is_required ? Kind::kMalformed : Kind::kGood, .content = {}};
  BodyVerdict verdict{.kind = Kind::kGood, .content = {}};
  for (const BodyPart& part : *parts) {
    if (IsSdp(part) && !verdict.content) {
      verdict.content = part.content;
    } else if (part.is_required && is_required) {
      verdict.kind = Kind::kUnsupported;
    }
  }
  return verdict;
}

std::string_view FindPart(std::string_view content_type, std::string_view body, std::string_view type) {
  const std::string whole = Field(content_type).value;
  if (whole == type) return body;
  if (!IsMultipart(whole)) return {};
  const auto parts = SplitMultipart(content_type, body, [](const BodyPart&) { return true; });
  if (!parts) return {};
  const auto found = std::find_if(parts->begin(), parts->end(),
                                  [&](const BodyPart& part) { return part.type == type && part.is_readable; });
  return found == parts->end() ? std::string_view() : found->content;
}

std::string JoinMultipart(const std::vector<NewPart>& parts, std::string_view boundary) {
  const std::string delimiter = "--" + std::string(boundary);
  std::string body;
  for (const NewPart& part : parts) body += delimiter + "\r\n" + part.headers + "\r\n" + part.content + "\r\n";
  return body + delimiter + "--\r\n";
}

}  // namespace byon::sip
