#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace byon::emergency {

// A number that is dialled for help, and the service that answers (RFC 5031): urn:service:sos, urn:service:sos.police
// ...
struct ServiceNumber {
  std::string number;  // digits, as they are dialled within the country
  std::string urn;
  bool operator==(const ServiceNumber&) const = default;
};

// Of a country, ISO 3166-1 alpha-2 in capitals. 112 and 911 are emergency numbers everywhere (TS 22.101 section 10.1):
// they are among these only where they are the country's only ones or have a service of their own. Empty for a country
// not known.
[[nodiscard]] std::vector<ServiceNumber> NumbersOf(std::string_view country);
[[nodiscard]] bool KnowsCountry(std::string_view country);

// urn:service:sos and its services: labels of lower-case letters, digits and dashes (RFC 5031 section 3).
[[nodiscard]] bool IsEmergencyUrn(std::string_view text);

}  // namespace byon::emergency
