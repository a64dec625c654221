#include "controlplane/sip/text/verstat.h"

#include <algorithm>
#include <vector>

#include "controlplane/sip/text/header_text.h"

namespace byon::sip {
namespace {

using call::NumberCheck;

constexpr std::string_view kName = ";verstat";
constexpr std::string_view kEnds = ";@?";

struct Found {
  size_t begin = 0;  // of its semicolon
  size_t end = 0;
  std::string_view value;
};

std::vector<Found> FindAll(std::string_view uri) {
  std::vector<Found> found;
  for (size_t at = uri.find(';'); at != uri.npos;) {
    const size_t end = std::min(uri.find_first_of(kEnds, at + 1), uri.size());
    const std::string_view parameter = uri.substr(at, end - at);
    const size_t equals = std::min(parameter.find('='), parameter.size());
    if (EqualsIgnoringCase(parameter.substr(0, equals), kName)) {
      found.push_back({at, end, parameter.substr(std::min(equals + 1, parameter.size()))});
    }
    at = uri.find(';', end);
  }
  return found;
}

NumberCheck CheckOf(std::string_view value) {
  for (const std::string_view level : {"-A", "-B", "-C"}) {
    const bool is_leveled = value.size() > level.size() && EqualsIgnoringCase(value.substr(value.size() - 2), level);
    if (is_leveled) {
      value.remove_suffix(level.size());
      break;
    }
  }
  for (const NumberCheck check : {NumberCheck::kPassed, NumberCheck::kFailed, NumberCheck::kNotDone}) {
    if (EqualsIgnoringCase(value, VerstatOf(check))) return check;
  }
  return NumberCheck::kUntold;
}

}  // namespace

NumberCheck NumberCheckOf(std::string_view uri) {
  NumberCheck check = NumberCheck::kUntold;
  for (const Found& one : FindAll(uri)) check = LeastGood(check, CheckOf(one.value));
  return check;
}

std::string WithoutVerstat(std::string_view uri) {
  std::string result;
  size_t from = 0;
  for (const Found& one : FindAll(uri)) {
    result += uri.substr(from, one.begin - from);
    from = one.end;
  }
  return result += uri.substr(from);
}

std::string_view VerstatOf(NumberCheck check) {
  switch (check) {
    case NumberCheck::kUntold: return "";
    case NumberCheck::kPassed: return "TN-Validation-Passed";
    case NumberCheck::kFailed: return "TN-Validation-Failed";
    case NumberCheck::kNotDone: return "No-TN-Validation";
  }
  return "";
}

NumberCheck LeastGood(NumberCheck a, NumberCheck b) {
  for (const NumberCheck worst : {NumberCheck::kFailed, NumberCheck::kNotDone, NumberCheck::kPassed}) {
    if (a == worst || b == worst) return worst;
  }
  return NumberCheck::kUntold;
}

}  // namespace byon::sip
