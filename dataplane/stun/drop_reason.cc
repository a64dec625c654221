#include "dataplane/stun/drop_reason.h"

namespace byon::stun {

std::string_view DropReasonName(DropReason reason) {
  switch (reason) {
    case DropReason::kTruncated: return "stun_truncated";
    case DropReason::kBadType: return "stun_bad_type";
    case DropReason::kBadCookie: return "stun_bad_cookie";
    case DropReason::kBadLength: return "stun_bad_length";
    case DropReason::kBadAttribute: return "stun_bad_attribute";
  }
  return "stun_unknown";
}

}  // namespace byon::stun
