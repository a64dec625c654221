#include "controlplane/emergency/service_numbers.h"

#include <algorithm>

#include "controlplane/emergency/country_numbers.h"

namespace byon::emergency {
namespace {

constexpr std::string_view kSos = "urn:service:sos";

// Two letters each, with blanks between.
bool Names(std::string_view countries, std::string_view code) {
  for (size_t i = 0; i < countries.size(); i += 3) {
    if (countries.substr(i, 2) == code) return true;
  }
  return false;
}

const CountryNumbers* Find(std::string_view code) {
  const auto rows = AllCountryNumbers();
  const auto found =
      std::find_if(rows.begin(), rows.end(), [&](const CountryNumbers& row) { return Names(row.countries, code); });
  return found == rows.end() ? nullptr : &*found;
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
  const CountryNumbers* found = Find(country);
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
