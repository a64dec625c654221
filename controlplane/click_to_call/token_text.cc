#include "controlplane/click_to_call/token_text.h"

#include <algorithm>

namespace byon::click_to_call {
namespace {

constexpr std::string_view kPrefix = "byon-visit.";
constexpr size_t kMaxPart = 64;

bool IsPart(std::string_view text) {
  return !text.empty() && text.size() <= kMaxPart && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

}  // namespace

std::string TokenText::ToString() const { return std::string(kPrefix) + operator_id + "." + id + "." + secret; }

std::optional<TokenText> TokenText::Parse(std::string_view text) {
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  const size_t first = text.find('.');
  const size_t second = first == text.npos ? text.npos : text.find('.', first + 1);
  if (second == text.npos) return std::nullopt;
  const std::string_view parts[] = {text.substr(0, first), text.substr(first + 1, second - first - 1),
                                    text.substr(second + 1)};
  if (!std::all_of(std::begin(parts), std::end(parts), IsPart)) return std::nullopt;
  return TokenText{std::string(parts[0]), std::string(parts[1]), std::string(parts[2])};
}

}  // namespace byon::click_to_call
