#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace byon::sip {

// application/reginfo+xml (RFC 3680 section 5), as much of it as a registered user needs.
struct ReginfoContact {
  std::string uri;
  std::string instance_id;  // +sip.instance without quotes and brackets; empty: not given
  std::string gruu;         // public GRUU (RFC 5628 section 5); empty: not given
  bool is_phone =
      false;  // registered with audio or the service identifier of telephony (RFC 3840, TS 24.229 section 7.2A.8)
  bool is_terminated = false;
  std::string event;  // registered, rejected, deactivated, probation, ...
  std::optional<std::chrono::seconds> expires;
  std::optional<std::chrono::seconds> retry_after;
  std::string call_id;  // of the REGISTER that last changed it; empty: not given
  std::optional<uint32_t> cseq;
};
struct ReginfoRegistration {
  std::string aor;
  bool is_terminated = false;
  std::vector<ReginfoContact> contacts;
};
struct Reginfo {
  uint64_t version = 0;
  bool is_full = true;
  std::vector<ReginfoRegistration> registrations;
};

// Bounded scanner: at most 64 KiB, 16 levels, 4096 elements; no DTD, no external entities. Nothing for
// anything that is not a well-formed reginfo document within these bounds.
[[nodiscard]] std::optional<Reginfo> ParseReginfo(std::string_view xml);

// The text of the first element of this name in application/3gpp-ims+xml (TS 24.229 section 7.6),
// e.g. "type" of an alternative-service; empty when absent or not parsable.
[[nodiscard]] std::string FirstElementText(std::string_view xml, std::string_view element);

}  // namespace byon::sip
