#include "controlplane/emergency/service_numbers.h"

#include <algorithm>

namespace byon::emergency {
namespace {

constexpr std::string_view kSos = "urn:service:sos";

// Per country: numbers and the service behind each; "" is all of them. Where the law names one centre for several
// services the number stands for sos itself.
struct Country {
  std::string_view code;
  std::string_view numbers;  // "number service, ..."
};
constexpr Country kCountries[] = {
    {"AR", "100 fire, 101 police, 106 marine, 107 ambulance"},
    {"AT", "122 fire, 133 police, 140 mountain, 144 ambulance"},
    {"AU", "000"},
    {"BE", "100, 101 police"},
    {"BG", "150 ambulance, 160 fire, 166 police"},
    {"BR", "190 police, 192 ambulance, 193 fire"},
    {"CA", ""},
    {"CH", "117 police, 118 fire, 144 ambulance"},
    {"CL", "131 ambulance, 132 fire, 133 police"},
    {"CN", "110 police, 119 fire, 120 ambulance"},
    {"CO", "123"},
    {"CY", "199"},
    {"CZ", "150 fire, 155 ambulance, 158 police"},
    {"DE", "110 police"},
    {"DK", ""},
    {"EE", ""},
    {"ES", "061 ambulance, 062 police, 080 fire, 085 fire, 091 police, 092 police"},
    {"FI", ""},
    {"FR", "114, 15 ambulance, 17 police, 18 fire, 196 marine"},
    {"GB", "999"},
    {"GR", "100 police, 108 marine, 166 ambulance, 199 fire"},
    {"HR", "192 police, 193 fire, 194 ambulance"},
    {"HU", "104 ambulance, 105 fire, 107 police"},
    {"IE", "999"},
    {"IL", "100 police, 101 ambulance, 102 fire"},
    {"IN", "100 police, 101 fire, 102 ambulance, 108"},
    {"IS", ""},
    {"IT", "113 police, 115 fire, 118 ambulance, 1530 marine"},
    {"JP", "110 police, 118 marine, 119"},
    {"KR", "119"},
    {"LT", ""},
    {"LU", "113 police"},
    {"LV", "110 police, 113 ambulance"},
    {"MT", ""},
    {"MX", ""},
    {"NL", ""},
    {"NO", "110 fire, 113 ambulance"},
    {"NZ", "111"},
    {"PE", "105 police, 106 ambulance, 116 fire"},
    {"PL", "997 police, 998 fire, 999 ambulance"},
    {"PT", ""},
    {"RO", ""},
    {"SE", ""},
    {"SI", "113 police"},
    {"SK", "150 fire, 155 ambulance, 158 police"},
    {"TR", ""},
    {"US", ""},
    {"ZA", "10111 police, 10177 ambulance"},
};

const Country* Find(std::string_view code) {
  const auto* found = std::find_if(std::begin(kCountries), std::end(kCountries), [&](const Country& one) { return one.code == code; });
  return found == std::end(kCountries) ? nullptr : found;
}

bool IsLabel(std::string_view label) {
  const auto is_edge = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !label.empty() && label.size() <= 32 && is_edge(label.front()) && is_edge(label.back()) &&
         std::all_of(label.begin(), label.end(), [&](char c) { return is_edge(c) || c == '-'; });
}

}  // namespace

bool KnowsCountry(std::string_view country) { return Find(country) != nullptr; }

std::vector<ServiceNumber> NumbersOf(std::string_view country) {
  std::vector<ServiceNumber> numbers;
  const Country* found = Find(country);
  std::string_view rest = found == nullptr ? std::string_view() : found->numbers;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(", "), rest.size());
    const std::string_view item = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 2, rest.size()));
    const size_t blank = std::min(item.find(' '), item.size());
    ServiceNumber& one = numbers.emplace_back(ServiceNumber{std::string(item.substr(0, blank)), std::string(kSos)});
    if (blank < item.size()) one.urn += "." + std::string(item.substr(blank + 1));
  }
  return numbers;
}

bool IsEmergencyUrn(std::string_view text) {
  if (!text.starts_with(kSos) || text.size() > 128) return false;
  text.remove_prefix(kSos.size());
  while (!text.empty()) {
    if (text[0] != '.') return false;
    text.remove_prefix(1);
    const size_t end = std::min(text.find('.'), text.size());
    if (!IsLabel(text.substr(0, end))) return false;
    text.remove_prefix(end);
  }
  return true;
}

}  // namespace byon::emergency
