#include "controlplane/api/bearer.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace byon::api {
namespace {

constexpr size_t kMaxTokenBytes = 16 * 1024;

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
         });
}

}  // namespace

std::optional<std::string> BearerOf(const HttpRequest& request) {
  const std::string* header = request.Header("authorization");
  if (header == nullptr || header->size() > kMaxTokenBytes) return std::nullopt;
  const size_t space = header->find(' ');
  if (space == header->npos || !EqualsIgnoringCase(header->substr(0, space), "Bearer")) return std::nullopt;
  const size_t start = header->find_first_not_of(' ', space);
  if (start == header->npos) return std::nullopt;
  std::string token = header->substr(start);
  while (token.ends_with(' ')) token.pop_back();
  if (token.find(' ') != token.npos) return std::nullopt;
  return token;
}

std::optional<std::string> SubprotocolToken(const HttpRequest& request) {
  constexpr std::string_view kPrefix = "byon.bearer.";
  const std::string* header = request.Header("sec-websocket-protocol");
  if (header == nullptr) return std::nullopt;
  const size_t at = header->find(kPrefix);
  if (at == header->npos) return std::nullopt;
  const size_t start = at + kPrefix.size();
  return header->substr(start, header->find_first_of(", ", start) - start);
}

}  // namespace byon::api
