#include "controlplane/sip/text/dtmf_body.h"

#include <algorithm>

#include "controlplane/sip/text/header_text.h"

namespace byon::sip {

namespace {

constexpr int kUsualMs = 160;
constexpr uint64_t kLongestMs = 10'000;
constexpr uint64_t kMaxDurationText = 1'000'000'000;

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

// Some gateways write the event codes of RFC 4733 section 3.2 in place of * # A B C D.
char DigitOf(std::string_view text) {
  constexpr std::string_view kEvents = "0123456789*#ABCD";
  if (text.size() == 1) {
    const char upper = text[0] >= 'a' && text[0] <= 'd' ? static_cast<char>(text[0] - 'a' + 'A') : text[0];
    return kEvents.find(upper) == std::string_view::npos ? '\0' : upper;
  }
  const auto event = text.size() == 2 ? ParseNumber(text, 15) : std::nullopt;
  return event ? kEvents[*event] : '\0';
}

}  // namespace

bool IsDtmfType(std::string_view content_type) {
  return content_type == "application/dtmf-relay" || content_type == "application/dtmf";
}

std::optional<DtmfDigit> ParseDtmfBody(std::string_view content_type, std::string_view body) {
  if (!IsDtmfType(content_type)) return std::nullopt;
  DtmfDigit found{.digit = '\0', .duration_ms = kUsualMs};
  if (content_type == "application/dtmf") found.digit = DigitOf(Trim(body));
  while (content_type == "application/dtmf-relay" && !body.empty()) {
    const std::string_view line = body.substr(0, body.find('\n'));
    body.remove_prefix(std::min(line.size() + 1, body.size()));
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = Trim(line.substr(0, equals));
    const std::string_view value = Trim(line.substr(equals + 1));
    if (EqualsIgnoringCase(name, "signal")) found.digit = DigitOf(value);
    const auto duration = EqualsIgnoringCase(name, "duration") ? ParseNumber(value, kMaxDurationText) : std::nullopt;
    if (duration && *duration > 0) found.duration_ms = static_cast<int>(std::min(*duration, kLongestMs));
  }
  if (found.digit == '\0') return std::nullopt;
  return found;
}

}  // namespace byon::sip
