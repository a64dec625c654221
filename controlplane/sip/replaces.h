#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace byon::sip {

// Which dialog an INVITE is to replace (RFC 3891 section 6.1), as its receiver sees it.
struct Replaces {
  std::string call_id;
  std::string local_tag;   // to-tag
  std::string remote_tag;  // from-tag
  bool is_early_only = false;
};
// Nothing when a part is missing or given twice.
[[nodiscard]] std::optional<Replaces> ParseReplaces(std::string_view header_value);

}  // namespace byon::sip
