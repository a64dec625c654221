#include "controlplane/emergency/location.h"

#include <algorithm>

namespace byon::emergency {
namespace {

constexpr size_t kMaxValueBytes = 256;

}  // namespace

bool IsCivicElement(std::string_view name) {
  return std::find(kCivicElements.begin(), kCivicElements.end(), name) != kCivicElements.end();
}

std::string CheckCivicElement(std::string_view name, std::string_view value) {
  if (name == "country") {
    const bool is_code =
        value.size() == 2 && std::all_of(value.begin(), value.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    return is_code ? "" : "must be two capital letters of ISO 3166-1";
  }
  if (value.empty() || value.size() > kMaxValueBytes) return "must have 1 to 256 bytes";
  const bool has_control =
      std::any_of(value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  return has_control ? "must not contain control characters" : "";
}

}  // namespace byon::emergency
