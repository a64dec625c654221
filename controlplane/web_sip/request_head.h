#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/sip/text/header_text.h"
#include "controlplane/web_sip/counters.h"
#include "controlplane/web_sip/message.h"
#include "dataplane/base/result.h"

namespace byon::web_sip {

// A final answer that refuses a request, and what it is counted as.
struct Rejection {
  int status = 400;
  Counter counter = Counter::kBadRequest;
  std::vector<std::pair<std::string, std::string>> headers;
};

// The fields that every request must have (RFC 3261 section 8.1.1), read and checked.
struct RequestHead {
  sip::NameAddr from;
  sip::NameAddr to;
  std::string from_tag;
  std::string to_tag;  // empty outside of a dialog
  std::string call_id;
  uint32_t cseq = 0;
  std::string branch;  // of the top Via
};

// A sip: or sips: URI with a host and nothing that could end it: what may stand as a client's Contact. Its user part
// is the client's own invention.
bool IsContactUri(std::string_view uri);

// Whether the fields are there that an answer must repeat (RFC 3261 section 8.2.6.2).
bool CanBeAnswered(const SipMessage& request);

// Checks of RFC 3261 sections 8.2.2 and 16.3 that need nothing but the message. `own_host`: the host that our
// own Via names; a request that passed here before is a loop.
[[nodiscard]] base::Result<RequestHead, Rejection> ReadHead(const SipMessage& request, std::string_view own_host);

// The branch and method that name a transaction (RFC 3261 section 17.1.3); nothing when the response lacks them.
struct ResponseHead {
  std::string branch;
  std::string method;
  uint32_t cseq = 0;
  std::string to_tag;
};
[[nodiscard]] std::optional<ResponseHead> ReadResponseHead(const SipMessage& response);

// The response with all that is copied from the request; a To tag is added where there was none.
SipMessage ResponseTo(const SipMessage& request, int status, const std::string& to_tag);

inline constexpr char kAllow[] = "INVITE, ACK, CANCEL, BYE, UPDATE, INFO, MESSAGE, REFER, OPTIONS, REGISTER";

}  // namespace byon::web_sip
