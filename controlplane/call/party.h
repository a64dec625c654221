#pragma once

#include <cstdint>
#include <string>

namespace byon::call {

// What the network found when it checked that a caller may use the number (`verstat`, TS 24.229 section 7.2A.20; the
// check is STIR's, RFC 8224).
enum class NumberCheck : uint8_t {
  kUntold,
  kPassed,
  kFailed,
  kNotDone,
};

// What stands behind the name of the other side.
struct Assurance {
  bool is_asserted = false;  // the network says so (P-Asserted-Identity, RFC 3325); else only the other side itself
  NumberCheck number_check = NumberCheck::kUntold;
  bool operator==(const Assurance&) const = default;
};

// Who somebody is, as the network names him.
struct Party {
  std::string uri{};  // empty: withheld
  std::string display_name{};
  Assurance assurance{};
};

}  // namespace byon::call
