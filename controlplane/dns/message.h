#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dataplane/base/bytes.h"

namespace byon::dns {

// The types that locating a SIP server asks for (RFC 3263), and what stands beside them in answers.
enum class RecordType : uint16_t {
  kA = 1,      // RFC 1035 section 3.4.1
  kCname = 5,  // section 3.3.1
  kSoa = 6,    // section 3.3.13
  kAaaa = 28,  // RFC 3596
  kSrv = 33,   // RFC 2782
  kNaptr = 35  // RFC 3403 section 4.1
};

struct Address {
  std::string text;  // "192.0.2.1" or "2001:db8::1"
  bool operator==(const Address&) const = default;
};
struct Alias {
  std::string name;
};
struct StartOfAuthority {
  uint32_t minimum_s = 0;  // how long an answer "there is none" may be kept (RFC 2308 section 4)
};
struct Service {
  uint16_t priority = 0;  // the lowest first
  uint16_t weight = 0;    // share among those of one priority
  uint16_t port = 0;
  std::string target;  // empty: the service is not there
};
struct NamingAuthority {
  uint16_t order = 0;
  uint16_t preference = 0;
  std::string flags;    // lower case
  std::string service;  // upper case, e.g. "SIP+D2U"
  std::string replacement;
};

// Names are in lower case, without the dot at the end; the root is empty.
struct Record {
  std::string name;
  RecordType type = RecordType::kA;
  uint32_t ttl_s = 0;
  std::variant<Address, Alias, StartOfAuthority, Service, NamingAuthority> data;
};

enum class ResponseCode : uint8_t { kNoError = 0, kFormatError = 1, kServerFailure = 2, kNameError = 3, kRefused = 5 };

struct Message {
  uint16_t id = 0;
  bool is_response = false;
  bool is_truncated = false;
  uint8_t response_code = 0;
  std::string question_name;
  uint16_t question_type = 0;
  std::vector<Record> answers;
  std::vector<Record> authorities;
};

// Letters, digits, hyphens and underscores, labels of 1 to 63 bytes, 253 together.
[[nodiscard]] bool IsHostName(std::string_view name);

// A recursive query of class IN with one question, and EDNS for answers up to 1232 bytes (RFC 6891). Nothing when the
// name is none.
[[nodiscard]] std::optional<std::vector<std::byte>> WriteQuery(uint16_t id, std::string_view name, RecordType type);

// A message with one question. Records of other types or classes, and those with names that no host can have, are left
// out; additional records too. Nothing when it is malformed: a compression pointer that does not lead back (RFC 1035
// section 4.1.4), a length that does not fit, too many records (512).
[[nodiscard]] std::optional<Message> ParseMessage(base::ByteSpan bytes);

}  // namespace byon::dns
