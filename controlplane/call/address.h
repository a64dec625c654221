#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/call/party.h"

// Addresses between CAMARA and the IMS: what a client may dial, and how the network's identities
// are shown to it. Only characters from short lists pass, so nothing of an address can become SIP
// syntax.
namespace byon::call {

inline constexpr std::string_view kAnonymousAddress = "sip:anonymous@anonymous.invalid";

// The Request-URI for a CAMARA receiver address: tel:+E164, a local number with its phone-context,
// or a sip: URI. Nothing for the anonymous address, for urn:service:* and for whatever is
// malformed.
std::optional<std::string> TargetUriOf(std::string_view receiver_address);

// The same for what a REFER names: visual separators and parameters other than user=phone and gr are left out.
std::optional<std::string> ReferTargetOf(std::string_view refer_to_uri);

// Begins like one of `prefixes`: digits, + * and #, as it is dialled or, behind a global phone-context, as the whole
// number. Of a sip: URI its user part counts.
bool IsBarredAddress(std::string_view receiver_address, const std::vector<std::string>& prefixes);

// What is dialled: digits, + * and #, of a tel: URI or of a sip: URI at home; else empty.
std::string DialledNumberOf(std::string_view receiver_address, std::string_view home_domain);

// Dialled so that an emergency service would answer: urn:service:sos*, 112, 911 or one of
// `numbers`, as a local number or behind a country code, in a tel: or sip: URI. To be asked first,
// before the address is checked for anything else (TS 24.229 section 5.1.6).
bool IsEmergencyAddress(std::string_view receiver_address, const std::vector<std::string>& numbers);

// The service of an address for which IsEmergencyAddress holds: its own URN, or what `services` says of the number,
// else urn:service:sos.
std::string EmergencyServiceOf(std::string_view receiver_address, const std::map<std::string, std::string>& services);

// How a party of the network is shown: tel:+E164 where there is a number, sip:<digits>@<home
// domain> for a short code, the anonymous address for an empty or unusable one.
std::string ShownAddressOf(std::string_view sip_or_tel_uri, std::string_view home_domain);

// The same for a caller. Of one whom the network does not assert, a SIP URI is a number only where it says so itself
// (user=phone) or is of the home domain: else anybody could stand there as a number with a domain of his own.
std::string ShownCallerOf(const Party& caller, std::string_view home_domain);

// What is behind the name of a caller; nothing when he is withheld.
std::optional<Assurance> AssuranceOf(const Party& caller);

// A number's address from an operator's template: {number} is +E164, {digits} the same without the +.
std::string PhoneUriOf(std::string_view uri_template, std::string_view phone_number);

// "+34600000001" of tel:+34600000001 and of sip:+34600000001@...; nothing without such a number.
std::optional<std::string> PhoneNumberOf(std::string_view address);

// At most 128 printable bytes of a name that somebody else wrote; the rest and controls are
// dropped.
std::string CleanDisplayName(std::string_view name);

}  // namespace byon::call
