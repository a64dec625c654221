#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace byon::sip {

// What a subscription is between two SUBSCRIBEs (RFC 6665 section 4.1.2): a plain value, so that whoever has a million
// of them keeps them as he likes.
struct SubscriptionState {
  std::string call_id;  // empty: the next SUBSCRIBE begins a new one
  std::string local_tag;
  std::string remote_tag;  // empty: no dialog yet
  std::string remote_target;
  std::vector<std::string> route_set;
  uint32_t cseq = 0;
  uint32_t remote_cseq = 0;
  uint32_t expires_s = 0;  // asked for; 0: what the package asks for
  // Of the next SUBSCRIBE; none: there will be none.
  std::optional<std::chrono::steady_clock::time_point> next_send;

  bool operator==(const SubscriptionState&) const = default;
};

}  // namespace byon::sip
