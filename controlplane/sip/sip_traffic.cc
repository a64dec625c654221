#include "controlplane/sip/sip_traffic.h"

#include <algorithm>
#include <string>

namespace byon::sip {
namespace {

// "Methods" of IANA's "Session Initiation Protocol (SIP) Parameters".
constexpr std::array<std::string_view, SipTraffic::kMethods> kMethodNames = {
    "ACK",   "BYE",     "CANCEL", "INFO",     "INVITE",    "MESSAGE", "NOTIFY", "OPTIONS",
    "PRACK", "PUBLISH", "REFER",  "REGISTER", "SUBSCRIBE", "UPDATE",  "other"};

// "Response Codes" of the same in order, and after them the classes.
constexpr std::array<std::string_view, SipTraffic::kStatuses> kStatusNames = {
    "100", "180", "181", "182", "183", "199", "200", "202", "204", "300", "301", "302", "305", "380",
    "400", "401", "402", "403", "404", "405", "406", "407", "408", "410", "412", "413", "414", "415",
    "416", "417", "420", "421", "422", "423", "424", "425", "428", "429", "430", "433", "436", "437",
    "438", "439", "440", "469", "470", "480", "481", "482", "483", "484", "485", "486", "487", "488",
    "489", "491", "493", "494", "500", "501", "502", "503", "504", "505", "513", "555", "580", "600",
    "603", "604", "606", "607", "608", "1xx", "2xx", "3xx", "4xx", "5xx", "6xx"};
constexpr size_t kClasses = kStatusNames.size() - 6;

constexpr std::array<double, SipTraffic::kBounds> kBoundsS = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                                              1,     2,    4,     8,    16,  32};

}  // namespace

std::span<const std::string_view> SipTraffic::Methods() { return kMethodNames; }
std::span<const std::string_view> SipTraffic::Statuses() { return kStatusNames; }
std::span<const double> SipTraffic::Bounds() { return kBoundsS; }

size_t SipTraffic::MethodIndex(std::string_view method) {
  const auto known = kMethodNames.end() - 1;
  const auto it = std::lower_bound(kMethodNames.begin(), known, method);
  return static_cast<size_t>((it != known && *it == method ? it : known) - kMethodNames.begin());
}

size_t SipTraffic::StatusIndex(int status) {
  const std::string text = std::to_string(status);
  const auto classes = kStatusNames.begin() + kClasses;
  const auto it = std::lower_bound(kStatusNames.begin(), classes, text);
  if (it != classes && *it == text) return static_cast<size_t>(it - kStatusNames.begin());
  // A receiver takes an unknown one as the x00 of its class (RFC 3261 section 8.1.3.2).
  return kClasses + static_cast<size_t>(std::clamp(status / 100, 1, 6) - 1);
}

void SipTraffic::CountRoundTrip(size_t method, std::chrono::microseconds time) {
  const double seconds = std::chrono::duration<double>(time).count();
  const auto bucket = std::lower_bound(kBoundsS.begin(), kBoundsS.end(), seconds) - kBoundsS.begin();
  Add(round_trips_[method][static_cast<size_t>(bucket)]);
  Add(round_trip_us_[method], static_cast<uint64_t>(std::max<std::chrono::microseconds::rep>(time.count(), 0)));
}

SipTraffic::RoundTrips SipTraffic::RoundTripsOf(size_t method) const {
  RoundTrips trips;
  for (size_t i = 0; i < trips.counts.size(); ++i) trips.counts[i] = Get(round_trips_[method][i]);
  trips.sum_s = static_cast<double>(Get(round_trip_us_[method])) / 1e6;
  return trips;
}

}  // namespace byon::sip
