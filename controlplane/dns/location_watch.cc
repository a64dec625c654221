#include "controlplane/dns/location_watch.h"

#include <algorithm>

namespace byon::dns {
namespace {

using std::chrono::seconds;

constexpr seconds kShortest{30};
constexpr seconds kLongest{3600};
constexpr seconds kLongestRetry{60};
constexpr unsigned kMostDoublings = 6;

}  // namespace

LocationWatch::LocationWatch(LocateRequest request, Ports ports,
                             std::function<void(const std::vector<Target>&)> on_found)
    : request_(std::move(request)), ports_(std::move(ports)), on_found_(std::move(on_found)) {}

LocationWatch::~LocationWatch() { *is_alive_ = false; }

void LocationWatch::Start() {
  Locate(request_, ports_.lookup, ports_.random, [this, is_alive = is_alive_](const Location& location) {
    if (*is_alive) Handle(location);
  });
}

void LocationWatch::Handle(const Location& location) {
  // Half a list, because some server did not answer, does not replace a whole one. Where a firewall never lets one kind
  // of lookup through, all lists are halves, and the newest is as good as any.
  const bool is_good = !location.targets.empty() && (location.is_certain || !is_certain_);
  const auto wait = is_good ? std::clamp(location.ttl, kShortest, kLongest)
                            : std::min(kLongestRetry, seconds(1 << std::min(failures_, kMostDoublings)));
  timer_ = ports_.after(wait, [this] { Start(); });
  if (!is_good) {
    ++failures_;
    if (on_failed) on_failed(failures_);
    return;
  }
  failures_ = 0;
  is_certain_ = location.is_certain;
  if (location.targets == found_) return;
  found_ = location.targets;
  on_found_(found_);
}

}  // namespace byon::dns
