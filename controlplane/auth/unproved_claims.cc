#include "controlplane/auth/unproved_claims.h"

#include <nlohmann/json.hpp>

#include "controlplane/auth/base64url.h"
#include "controlplane/auth/token_verifier.h"
#include "controlplane/json/strict_json.h"

namespace byon::auth {
namespace {

constexpr size_t kMaxTokenBytes = 16 * 1024;

}  // namespace

std::optional<UnprovedClaims> UnprovedClaims::Read(std::string_view token) {
  if (token.size() > kMaxTokenBytes || !LooksLikeJwt(token)) return std::nullopt;
  const size_t first = token.find('.');
  const auto text = DecodeBase64Url(token.substr(first + 1, token.find('.', first + 1) - first - 1));
  if (!text) return std::nullopt;
  const auto claims = json::ParseStrict(*text, {.max_bytes = kMaxTokenBytes, .max_depth = 16, .max_values = 2000});
  if (!claims || !claims->is_object()) return std::nullopt;
  UnprovedClaims unproved;
  for (const auto& [name, value] : claims->items()) {
    if (value.is_string()) unproved.texts_[name] = value.get<std::string>();
  }
  return unproved;
}

const std::string& UnprovedClaims::Text(const std::string& claim) const {
  static const std::string kNone;
  const auto it = texts_.find(claim);
  return it == texts_.end() ? kNone : it->second;
}

std::string UnprovedClaims::Number(const std::string& claim) const {
  const std::string& text = Text(claim);
  return text.starts_with("tel:") ? text.substr(4) : text;
}

}  // namespace byon::auth
