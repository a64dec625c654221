#pragma once

#include <span>
#include <string_view>

namespace byon::emergency {

// A numbering plan of emergency services, and the countries that have it.
struct CountryNumbers {
  // ISO 3166-1 alpha-2 (XK: Kosovo; AC, TA: parts of SH), with blanks between.
  std::string_view countries;
  // "number service, number service": digits as they are dialled, and the service of RFC 5031
  // behind them. No service: several answer there, or the sources do not say the same; the number
  // stands for sos itself.
  std::string_view numbers;
};

// Each country in one row, the rows in the order of their first country. 112 and 911 are emergency
// numbers everywhere: they stand here only where there is no other number or where they have a
// service of their own.
[[nodiscard]] std::span<const CountryNumbers> AllCountryNumbers();

}  // namespace byon::emergency
