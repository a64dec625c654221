#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controlplane/call/sip_signaling.h"

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

// The header's value; nothing when a part of it is no token (RFC 3261 section 25.1) or longer than 256 bytes.
[[nodiscard]] std::optional<std::string> FormatReplaces(const call::ReplacedDialog& dialog);
// The same of Target-Dialog (RFC 4538 section 7), whose tags are its receiver's too.
[[nodiscard]] std::optional<std::string> FormatTargetDialog(const call::ReplacedDialog& dialog);

}  // namespace byon::sip
