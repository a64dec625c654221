#pragma once

#include <string>
#include <string_view>

namespace byon::sip {

// What a session description says of resource reservation (RFC 3312 section 4), as far as the headers around it depend
// on that.
struct PreconditionUse {
  bool is_used = false;       // has curr or des lines
  bool is_mandatory = false;  // and one that must be met
  bool operator==(const PreconditionUse&) const = default;
};
[[nodiscard]] PreconditionUse ReadPreconditionUse(std::string_view sdp);

// The description without curr, des and conf lines.
[[nodiscard]] std::string WithoutPreconditions(std::string_view sdp);

}  // namespace byon::sip
