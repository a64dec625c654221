#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Reading and writing the text of SIP header values: bounded, without sofia-sip, so that it can be
// fuzzed and tested alone. Values that come from the web side pass through here before they may stand
// in a message.
namespace byon::sip {

// name-addr or addr-spec with parameters (RFC 3261 section 20.10).
struct NameAddr {
  std::string display_name;  // unquoted
  std::string uri;
  std::vector<std::pair<std::string, std::string>> parameters;  // names in lower case, values unquoted

  std::optional<std::string> Parameter(std::string_view name) const;
};
[[nodiscard]] std::optional<NameAddr> ParseNameAddr(std::string_view value);

// Splits at commas outside of quotes and angle brackets; empty items are left out.
[[nodiscard]] std::vector<std::string> SplitHeaderList(std::string_view value);
// True when a comma-separated token list (Supported, Allow) has this item; case matters not.
[[nodiscard]] bool ListHas(std::string_view list, std::string_view token);

// sip:user@host:port;parameters; tel: URIs have the number as user and no host.
struct UriParts {
  std::string scheme;  // lower case
  std::string user;
  std::string host;        // IPv6 with its brackets
  uint16_t port = 0;       // 0: absent
  std::string parameters;  // after the first ';', without headers
};
[[nodiscard]] std::optional<UriParts> ParseUri(std::string_view uri);
// Value of a URI parameter, e.g. transport; empty when it is not there or has none.
[[nodiscard]] std::string UriParameter(const UriParts& uri, std::string_view name);
// Must a request to this URI go over TLS (RFC 3261 section 26.2.2, RFC 5630)?
[[nodiscard]] bool NamesTls(const UriParts& uri);

// A sip:, sips: or tel: URI made of nothing but characters that are harmless between < and >; a number
// (tel:, or a user part that starts with a digit or +) only of 0-9 + * # and visual separators.
[[nodiscard]] bool IsSafeUri(std::string_view uri);
// urn:service:sos and its services (RFC 5031).
[[nodiscard]] bool IsServiceUrn(std::string_view uri);
// Printable text on one line, at most 1024 bytes.
[[nodiscard]] bool IsSafeText(std::string_view text);
// quoted-string of at most 64 bytes of valid UTF-8; control characters are left out.
[[nodiscard]] std::string QuoteDisplayName(std::string_view name);
// A quoted-string of a phrase of our own.
[[nodiscard]] std::string Quote(std::string_view text);

// Reason header field values (RFC 3326); nothing to say: empty.
struct ReasonFields {
  int sip_cause = 0;
  int q850_cause = 0;
  std::string text;
};
[[nodiscard]] ReasonFields ParseReason(std::string_view header_value);
[[nodiscard]] std::string FormatReason(const ReasonFields& reason);

// The icid of P-Charging-Vector (RFC 7315 section 4.6); empty: none that could be written down.
[[nodiscard]] std::string ParseChargingId(std::string_view header_value);

bool EqualsIgnoringCase(std::string_view a, std::string_view b);
std::string ToLower(std::string_view text);
// Decimal digits only, at most `max`.
[[nodiscard]] std::optional<uint64_t> ParseNumber(std::string_view text, uint64_t max);

}  // namespace byon::sip
