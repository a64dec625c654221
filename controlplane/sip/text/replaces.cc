#include "controlplane/sip/text/replaces.h"

#include <algorithm>

#include "controlplane/sip/text/header_text.h"

namespace byon::sip {

namespace {

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// A tag is a token, a Call-ID one or two words joined by '@' (RFC 3261 section 25.1).
bool IsMadeOf(std::string_view text, std::string_view marks) {
  constexpr size_t kMaxPart = 256;
  return !text.empty() && text.size() <= kMaxPart && std::all_of(text.begin(), text.end(), [&](char c) {
    const bool is_alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return is_alphanumeric || marks.find(c) != marks.npos;
  });
}

// Whether its parts may stand in a header.
bool IsWritable(const call::ReplacedDialog& dialog) {
  constexpr std::string_view kToken = "-.!%*_+`'~";
  // Of a word's marks those that end a header's value or a quotation are left out: no Call-ID has them.
  constexpr std::string_view kWord = "-.!%*_+`'~()<>:/[]?{}@";
  return IsMadeOf(dialog.call_id, kWord) && IsMadeOf(dialog.to_tag, kToken) && IsMadeOf(dialog.from_tag, kToken);
}

}  // namespace

std::optional<std::string> FormatTargetDialog(const call::ReplacedDialog& dialog) {
  if (!IsWritable(dialog)) return std::nullopt;
  return dialog.call_id + ";local-tag=" + dialog.to_tag + ";remote-tag=" + dialog.from_tag;
}

std::optional<std::string> FormatReplaces(const call::ReplacedDialog& dialog) {
  if (!IsWritable(dialog)) return std::nullopt;
  return dialog.call_id + ";to-tag=" + dialog.to_tag + ";from-tag=" + dialog.from_tag +
         (dialog.is_early_only ? ";early-only" : "");
}

std::optional<Replaces> ParseReplaces(std::string_view value) {
  Replaces replaces;
  for (bool is_first = true; !value.empty(); is_first = false) {
    const std::string_view raw = value.substr(0, value.find(';'));
    value.remove_prefix(std::min(raw.size() + 1, value.size()));
    const std::string_view part = Trim(raw);
    if (is_first) {
      replaces.call_id = part;
      continue;
    }
    const size_t equals = part.find('=');
    const std::string_view name = Trim(part.substr(0, equals));
    const std::string_view text = equals == std::string_view::npos ? std::string_view() : Trim(part.substr(equals + 1));
    if (EqualsIgnoringCase(name, "early-only")) replaces.is_early_only = true;
    std::string* tag = EqualsIgnoringCase(name, "to-tag")     ? &replaces.local_tag
                       : EqualsIgnoringCase(name, "from-tag") ? &replaces.remote_tag
                                                              : nullptr;
    if (tag == nullptr) continue;
    if (!tag->empty()) return std::nullopt;
    *tag = text;
  }
  if (replaces.call_id.empty() || replaces.local_tag.empty() || replaces.remote_tag.empty()) return std::nullopt;
  return replaces;
}

}  // namespace byon::sip
