#include "controlplane/call/address.h"

#include <algorithm>

namespace byon::call {
namespace {

constexpr size_t kMaxAddressBytes = 256;
constexpr size_t kMaxNameBytes = 128;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsAlphaNumeric(char c) { return IsDigit(c) || IsAlpha(c); }

template <typename Predicate>
bool AllOf(std::string_view text, Predicate is_good) {
  return std::all_of(text.begin(), text.end(), is_good);
}

bool StartsWithIgnoreCase(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), text.begin(), [](char a, char b) {
           return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b);
         });
}

// +E.164: five to fifteen digits.
bool IsGlobalNumber(std::string_view text) {
  return text.size() >= 6 && text.size() <= 16 && text[0] == '+' && AllOf(text.substr(1), IsDigit);
}
bool IsLocalNumber(std::string_view text) {
  return !text.empty() && text.size() <= 15 && AllOf(text, [](char c) { return IsDigit(c) || c == '*' || c == '#'; });
}
// A name with a dot and a last label of letters: no IP address.
bool IsDomain(std::string_view text) {
  size_t dot = text.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || text.size() > 253) return false;
  std::string_view last = text.substr(dot + 1);
  return last.size() >= 2 && AllOf(last, IsAlpha) && text.find("..") == std::string_view::npos &&
         AllOf(text, [](char c) { return IsAlphaNumeric(c) || c == '.' || c == '-'; });
}
bool IsUser(std::string_view text) {
  return !text.empty() && text.size() <= 64 && AllOf(text, [](char c) {
    return IsAlphaNumeric(c) || std::string_view("_.!+-").find(c) != std::string_view::npos;
  });
}
bool IsContext(std::string_view text) {
  bool is_number = text.size() >= 2 && text.size() <= 16 && text[0] == '+' && AllOf(text.substr(1), IsDigit);
  return is_number || IsDomain(text);
}

// `number;phone-context=context` with nothing else.
bool IsLocalWithContext(std::string_view text) {
  constexpr std::string_view kContext = ";phone-context=";
  size_t at = text.find(';');
  if (at == std::string_view::npos || !text.substr(at).starts_with(kContext)) return false;
  return IsLocalNumber(text.substr(0, at)) && IsContext(text.substr(at + kContext.size()));
}

std::string WithoutSeparators(std::string_view number) {  // visual separators of RFC 3966 section 3
  std::string digits;
  for (char c : number) {
    if (std::string_view("-.() ").find(c) == std::string_view::npos) digits += c;
  }
  return digits;
}

// What stands where a number would be: behind the scheme, before any parameter or host.
std::string DialledPart(std::string_view address) {
  for (std::string_view scheme : {"tel:", "sips:", "sip:"}) {
    if (!StartsWithIgnoreCase(address, scheme)) continue;
    address.remove_prefix(scheme.size());
    break;
  }
  return WithoutSeparators(address.substr(0, address.find_first_of(";@?")));
}

// The numbers that an address may stand for: what is dialled, and behind a context that is the begin of a global number
// that number (RFC 3966 section 5.1.5).
std::vector<std::string> DialledNumbers(std::string_view address) {
  std::vector<std::string> numbers{DialledPart(address)};
  constexpr std::string_view kContext = ";phone-context=";
  for (size_t at = address.find(';'); at != address.npos; at = address.find(';', at + 1)) {
    if (!StartsWithIgnoreCase(address.substr(at), kContext)) continue;
    const std::string_view context = address.substr(at + kContext.size());
    if (!context.starts_with('+')) continue;
    numbers.push_back(WithoutSeparators(context.substr(0, context.find_first_of(";@?"))) + numbers.front());
  }
  return numbers;
}

// Country codes are 1, 7, these, or have three digits (E.164 section 6.2.1 and its list of assigned codes).
constexpr std::string_view kTwoDigitCountryCodes =
    "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 "
    "91 92 93 94 95 98";

bool IsCountryCode(std::string_view digits) {
  if (digits.empty() || digits.size() > 3 || !AllOf(digits, IsDigit) || digits[0] == '0') return false;
  if (digits[0] == '1' || digits[0] == '7') return digits.size() == 1;
  const bool has_two = kTwoDigitCountryCodes.find(digits.substr(0, 2)) != std::string_view::npos;
  return digits.size() == (has_two ? 2 : 3);
}

// The number as it is dialled at home; one of at most three digits also behind +CC. No subscriber number is that short,
// longer ones are: +352 95110 is somebody's in Luxembourg, whatever 95110 is elsewhere.
bool Dials(std::string_view dialled, std::string_view number) {
  if (number.empty() || !dialled.ends_with(number)) return false;
  const std::string_view prefix = dialled.substr(0, dialled.size() - number.size());
  if (prefix.empty()) return true;
  return prefix[0] == '+' && number.size() <= 3 && (prefix.size() == 1 || IsCountryCode(prefix.substr(1)));
}

constexpr std::string_view kSos = "urn:service:sos";

// The service or one of its sub-services (RFC 5031 section 4.1), and nothing that could end a line or a URI.
bool IsSosUrn(std::string_view address) {
  if (!StartsWithIgnoreCase(address, kSos)) return false;
  const std::string_view sub_services = address.substr(kSos.size());
  return (sub_services.empty() || sub_services[0] == '.') &&
         AllOf(sub_services, [](char c) { return c == '.' || c == '-' || IsAlphaNumeric(c); });
}

// However a number is written, its address is one line of text that can stand in a header.
bool IsWritable(std::string_view address) {
  return address.size() <= 256 &&
         AllOf(address, [](char c) { return c >= 0x20 && c < 0x7f && c != '<' && c != '>' && c != '"'; });
}

struct SipUri {
  std::string_view user;  // without its parameters
  std::string_view host;  // without port and parameters
  bool is_phone = false;  // user=phone
};

// A parameter user=phone behind the host.
bool SaysPhone(std::string_view behind) {
  for (size_t at = behind.find(';'); at != behind.npos; at = behind.find(';', at + 1)) {
    std::string parameter(behind.substr(at + 1, behind.find(';', at + 1) - at - 1));
    std::transform(parameter.begin(), parameter.end(), parameter.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (parameter == "user=phone") return true;
  }
  return false;
}

std::optional<SipUri> SplitSipUri(std::string_view uri) {
  for (std::string_view scheme : {"sips:", "sip:"}) {
    if (!StartsWithIgnoreCase(uri, scheme)) continue;
    uri.remove_prefix(scheme.size());
    size_t at = uri.find('@');
    if (at == std::string_view::npos) return std::nullopt;
    std::string_view host = uri.substr(at + 1);
    std::string_view user = uri.substr(0, at);
    const size_t end = host.find_first_of(";:?>");
    return SipUri{user.substr(0, user.find_first_of(";:")), host.substr(0, end),
                  SaysPhone(host.substr(0, host.find('?')))};
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> TargetUriOf(std::string_view address) {
  if (address.size() > kMaxAddressBytes || address == kAnonymousAddress) return std::nullopt;
  if (address.starts_with("tel:")) {
    std::string_view number = address.substr(4);
    if (!IsGlobalNumber(number) && !IsLocalWithContext(number)) return std::nullopt;
    return std::string(address);
  }
  if (!address.starts_with("sip:")) return std::nullopt;
  std::string_view rest = address.substr(4);
  constexpr std::string_view kPhone = ";user=phone";
  bool is_phone = rest.ends_with(kPhone);
  if (is_phone) rest.remove_suffix(kPhone.size());
  size_t at = rest.find('@');
  if (at == std::string_view::npos || !IsDomain(rest.substr(at + 1))) return std::nullopt;
  std::string_view user = rest.substr(0, at);
  bool is_good = is_phone ? IsGlobalNumber(user) || IsLocalWithContext(user) : IsUser(user);
  return is_good ? std::optional(std::string(address)) : std::nullopt;
}

std::optional<std::string> ReferTargetOf(std::string_view uri) {
  if (uri.size() > kMaxAddressBytes) return std::nullopt;
  if (StartsWithIgnoreCase(uri, "tel:")) {
    const size_t parameters = uri.find(';');
    std::string target = "tel:" + WithoutSeparators(uri.substr(4, parameters == uri.npos ? uri.npos : parameters - 4));
    if (!target.starts_with("tel:+") && parameters != uri.npos) target += uri.substr(parameters);
    return TargetUriOf(target);
  }
  if (!StartsWithIgnoreCase(uri, "sip:")) return std::nullopt;
  const size_t at = uri.find('@');
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view behind = uri.substr(at + 1);
  std::string target =
      "sip:" + std::string(uri.substr(4, at - 4)) + '@' + std::string(behind.substr(0, behind.find_first_of(":;?")));
  std::string gruu;
  for (std::string_view rest = behind; rest.find(';') != rest.npos;) {
    rest.remove_prefix(rest.find(';') + 1);
    const std::string_view parameter = rest.substr(0, rest.find_first_of(";?"));
    if (parameter == "user=phone") target += ";user=phone";
    // Which device of the number (RFC 5627).
    const bool is_gruu = parameter == "gr" || parameter.starts_with("gr=");
    if (is_gruu) gruu = ";" + std::string(parameter);
  }
  const bool is_plain = AllOf(
      gruu, [](char c) { return IsAlphaNumeric(c) || std::string_view(";=:.-_").find(c) != std::string_view::npos; });
  auto checked = TargetUriOf(target);
  if (!checked || !is_plain) return std::nullopt;
  return *checked + gruu;
}

bool IsBarredAddress(std::string_view address, const std::vector<std::string>& prefixes) {
  const auto numbers = DialledNumbers(address);
  return std::any_of(numbers.begin(), numbers.end(), [&](const std::string& number) {
    return std::any_of(prefixes.begin(), prefixes.end(),
                       [&](const std::string& prefix) { return number.starts_with(prefix); });
  });
}

std::string DialledNumberOf(std::string_view address, std::string_view home_domain) {
  const auto sip = SplitSipUri(address);
  const bool is_at_home = sip && sip->host == home_domain;
  if (!is_at_home && !StartsWithIgnoreCase(address, "tel:")) return {};
  const std::string dialled = DialledPart(address);
  return IsGlobalNumber(dialled) || IsLocalNumber(dialled) ? dialled : std::string();
}

bool IsEmergencyAddress(std::string_view address, const std::vector<std::string>& numbers) {
  if (IsSosUrn(address)) return true;
  if (!IsWritable(address)) return false;
  const auto dialled = DialledNumbers(address);
  return std::any_of(dialled.begin(), dialled.end(), [&](const std::string& one) {
    return Dials(one, "112") || Dials(one, "911") ||
           std::any_of(numbers.begin(), numbers.end(), [&](const std::string& n) { return Dials(one, n); });
  });
}

std::string EmergencyServiceOf(std::string_view address, const std::map<std::string, std::string>& services) {
  if (IsSosUrn(address)) {
    std::string urn(address);
    std::transform(urn.begin(), urn.end(), urn.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return urn;
  }
  const auto dialled = DialledNumbers(address);
  // As it is before behind a country code: +1 5112 is no 112 where 5112 has a meaning of its own.
  const std::pair<const std::string, std::string>* best = nullptr;
  for (const auto& one : services) {
    const bool is_longer = best == nullptr || one.first.size() > best->first.size();
    const bool is_meant = std::any_of(dialled.begin(), dialled.end(),
                                      [&](const std::string& number) { return Dials(number, one.first); });
    if (is_longer && is_meant) best = &one;
  }
  return best == nullptr ? std::string(kSos) : best->second;
}

std::string ShownAddressOf(std::string_view uri, std::string_view home_domain) {
  if (auto number = PhoneNumberOf(uri)) return "tel:" + *number;
  if (StartsWithIgnoreCase(uri, "tel:")) {
    std::string local = DialledPart(uri);
    if (!IsLocalNumber(local) || !AllOf(local, IsDigit)) return std::string(kAnonymousAddress);
    return "sip:" + local + '@' + std::string(home_domain);
  }
  auto sip = SplitSipUri(uri);
  if (!sip || !IsUser(sip->user) || sip->host == "anonymous.invalid") {
    return std::string(kAnonymousAddress);
  }
  bool is_number = AllOf(sip->user, IsDigit);
  std::string_view host = is_number || !IsDomain(sip->host) ? home_domain : sip->host;
  return "sip:" + std::string(sip->user) + '@' + std::string(host);
}

std::string ShownCallerOf(const Party& caller, std::string_view home_domain) {
  const auto sip = SplitSipUri(caller.uri);
  const bool is_plain = caller.assurance.is_asserted || !sip || sip->is_phone || sip->host == home_domain;
  if (is_plain || !PhoneNumberOf(caller.uri)) return ShownAddressOf(caller.uri, home_domain);
  if (!IsUser(sip->user) || !IsDomain(sip->host)) return std::string(kAnonymousAddress);
  return "sip:" + std::string(sip->user) + '@' + std::string(sip->host);
}

std::optional<Assurance> AssuranceOf(const Party& caller) {
  return caller.uri.empty() ? std::nullopt : std::optional(caller.assurance);
}

std::string PhoneUriOf(std::string_view uri_template, std::string_view phone_number) {
  std::string uri(uri_template);
  const std::string_view digits = phone_number.starts_with('+') ? phone_number.substr(1) : phone_number;
  for (const auto& [name, value] : {std::pair<std::string_view, std::string_view>{"{number}", phone_number},
                                    std::pair<std::string_view, std::string_view>{"{digits}", digits}}) {
    for (size_t at = uri.find(name); at != std::string::npos; at = uri.find(name, at + value.size())) {
      uri.replace(at, name.size(), value);
    }
  }
  return uri;
}

std::optional<std::string> PhoneNumberOf(std::string_view address) {
  if (!StartsWithIgnoreCase(address, "tel:") && !SplitSipUri(address)) return std::nullopt;
  std::string number = DialledPart(address);
  return IsGlobalNumber(number) ? std::optional(number) : std::nullopt;
}

std::string CleanDisplayName(std::string_view name) {
  std::string clean;
  for (char c : name) {
    bool is_control = (c >= 0 && c < 0x20) || c == 0x7f;
    if (!is_control) clean += c;
  }
  if (clean.size() <= kMaxNameBytes) return clean;
  // Not in the middle of a UTF-8 character.
  size_t end = kMaxNameBytes;
  while (end > 0 && (static_cast<unsigned char>(clean[end]) & 0xc0) == 0x80) --end;
  return clean.substr(0, end);
}

}  // namespace byon::call
