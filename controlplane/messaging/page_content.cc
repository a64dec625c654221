#include "controlplane/messaging/page_content.h"

#include <algorithm>

#include "controlplane/messaging/cpim.h"
#include "controlplane/messaging/message_text.h"

namespace byon::messaging {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  return lower;
}

struct MediaType {
  std::string name;     // "text/plain"
  std::string charset;  // empty: not given
};

MediaType ParseMediaType(std::string_view value) {
  std::string lower = Lower(value);
  std::erase_if(lower, [](char c) { return c == ' ' || c == '\t' || c == '"'; });
  MediaType type;
  size_t start = 0;
  while (start <= lower.size()) {
    const size_t end = std::min(lower.find(';', start), lower.size());
    const std::string part = lower.substr(start, end - start);
    if (start == 0) type.name = part;
    if (part.starts_with("charset=")) type.charset = part.substr(8);
    start = end + 1;
  }
  return type;
}

PageContent ReadText(const MediaType& type, std::string_view body) {
  const bool is_known = type.charset.empty() || type.charset == "utf-8" || type.charset == "us-ascii";
  if (!is_known) return UnusableContent{415};
  if (!IsUtf8(body)) return UnusableContent{400};
  return TextContent{.text = CleanText(body)};
}

PageContent ReadImdn(std::string_view body) {
  auto imdn = ParseImdn(body);
  if (!imdn) return UnusableContent{400};
  return *std::move(imdn);
}

}  // namespace

PageContent ReadPageContent(std::string_view content_type, std::string_view body) {
  const MediaType outer = ParseMediaType(content_type);
  if (outer.name == "text/plain") return ReadText(outer, body);
  if (outer.name == "message/imdn+xml") return ReadImdn(body);
  if (outer.name != "message/cpim") return UnusableContent{415};
  const auto cpim = ParseCpim(body);
  if (!cpim) return UnusableContent{400};
  const MediaType inner = ParseMediaType(cpim->content_type);
  if (inner.name == "message/imdn+xml") return ReadImdn(cpim->body);
  if (inner.name != "text/plain") return UnusableContent{415};
  PageContent content = ReadText(inner, cpim->body);
  if (auto* text = std::get_if<TextContent>(&content)) {
    text->message_id = cpim->message_id;
    text->date_time = cpim->date_time;
    text->wants_delivery = cpim->wants_delivery && !cpim->message_id.empty();
    text->wants_display = cpim->wants_display && !cpim->message_id.empty();
  }
  return content;
}

}  // namespace byon::messaging
