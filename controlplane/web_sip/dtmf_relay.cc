#include "controlplane/web_sip/dtmf_relay.h"

#include <algorithm>

#include "controlplane/sip/text/header_text.h"

namespace byon::web_sip {
namespace {

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::optional<std::string> Digit(std::string_view text) {
  text = Trim(text);
  if (text.size() != 1) return std::nullopt;
  const char digit = text[0] >= 'a' && text[0] <= 'd' ? static_cast<char>(text[0] - 'a' + 'A') : text[0];
  if (std::string_view("0123456789*#ABCD").find(digit) == std::string_view::npos) return std::nullopt;
  return std::string(1, digit);
}

}  // namespace

std::optional<std::string> ReadDtmf(std::string_view content_type, std::string_view body) {
  if (content_type == "application/dtmf") return Digit(body);
  if (content_type != "application/dtmf-relay") return std::nullopt;
  while (!body.empty()) {
    const size_t end = std::min(body.find('\n'), body.size());
    const std::string_view line = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    const size_t equals = line.find('=');
    if (equals != line.npos && sip::EqualsIgnoringCase(Trim(line.substr(0, equals)), "Signal")) {
      return Digit(line.substr(equals + 1));
    }
  }
  return std::nullopt;
}

std::string DtmfRelayBody(const std::string& digit, int duration_ms) {
  return "Signal=" + digit + "\r\nDuration=" + std::to_string(std::clamp(duration_ms, 40, 8000)) + "\r\n";
}

}  // namespace byon::web_sip
