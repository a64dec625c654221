#include "controlplane/sip/text/precondition_lines.h"

namespace byon::sip {
namespace {

// Takes a line with its end away from the front.
std::string_view TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end == std::string_view::npos ? end : end + 1);
  text.remove_prefix(line.size());
  return line;
}

bool IsPrecondition(std::string_view line) {
  return line.starts_with("a=curr:") || line.starts_with("a=des:") || line.starts_with("a=conf:");
}

}  // namespace

PreconditionUse ReadPreconditionUse(std::string_view sdp) {
  PreconditionUse use;
  while (!sdp.empty()) {
    const std::string_view line = TakeLine(sdp);
    if (!IsPrecondition(line)) continue;
    use.is_used = true;
    if (line.starts_with("a=des:") && line.find(" mandatory ") != std::string_view::npos) use.is_mandatory = true;
  }
  return use;
}

std::string WithoutPreconditions(std::string_view sdp) {
  std::string rest;
  while (!sdp.empty()) {
    const std::string_view line = TakeLine(sdp);
    if (!IsPrecondition(line)) rest += line;
  }
  return rest;
}

}  // namespace byon::sip
