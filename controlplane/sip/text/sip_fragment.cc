#include "controlplane/sip/text/sip_fragment.h"

#include "controlplane/sip/text/header_text.h"

namespace byon::sip {

std::optional<ReportedStatus> ParseSipFragment(std::string_view body) {
  constexpr std::string_view kVersion = "SIP/2.0 ";
  constexpr size_t kMaxPhrase = 128;
  constexpr size_t kCodeDigits = 3;
  std::string_view line = body.substr(0, body.find_first_of("\r\n"));
  if (!EqualsIgnoringCase(line.substr(0, kVersion.size()), kVersion)) return std::nullopt;
  line.remove_prefix(kVersion.size());
  const std::string_view digits = line.substr(0, line.find(' '));
  const auto code = digits.size() == kCodeDigits ? ParseNumber(digits, 699) : std::nullopt;
  if (!code || *code < 100) return std::nullopt;
  ReportedStatus status{.code = static_cast<int>(*code), .phrase = {}};
  line.remove_prefix(digits.size());
  if (!line.empty()) line.remove_prefix(1);
  for (const char c : line.substr(0, kMaxPhrase)) status.phrase += c >= 0x20 && c < 0x7f ? c : ' ';
  return status;
}

}  // namespace byon::sip
