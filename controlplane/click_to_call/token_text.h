#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace byon::click_to_call {

// The text of a visitor's token: byon-visit.<operator>.<token id>.<secret>. It says whom to ask and proves nothing by
// that; the secret does. No JWT and no text of an identity provider looks like it.
struct TokenText {
  std::string operator_id;
  std::string id;
  std::string secret;

  std::string ToString() const;
  // Nothing for any other text.
  [[nodiscard]] static std::optional<TokenText> Parse(std::string_view text);
};

}  // namespace byon::click_to_call
