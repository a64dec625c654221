#include "controlplane/sip/replaces.h"

#include <algorithm>

#include "controlplane/sip/header_text.h"

namespace byon::sip {

namespace {

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace

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
