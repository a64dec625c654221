#include "controlplane/sip/text/session_id.h"

#include <algorithm>

namespace byon::sip {
namespace {

constexpr size_t kDigits = 32;
const std::string kNull(kDigits, '0');

}  // namespace

bool IsSessionUuid(std::string_view text) {
  return text.size() == kDigits && text != kNull &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string FormatSessionId(const std::string& local, const std::string& remote) {
  return local.empty() ? "" : local + ";remote=" + (remote.empty() ? kNull : remote);
}

std::optional<std::string> ParseSessionId(std::string_view value) {
  const std::string_view uuid = value.substr(0, std::min(value.find_first_of("; \t"), value.size()));
  return IsSessionUuid(uuid) ? std::optional(std::string(uuid)) : std::nullopt;
}

}  // namespace byon::sip
