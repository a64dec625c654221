#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "controlplane/dns/locator.h"

namespace byon::dns {

// Keeps the location of a domain up to date: asks again when the time of the answer is over, 30 s at least and 1 h at
// most, and after a failure in 1 s, 2 s and so on up to 60 s. What was found stays good until something else is found.
// Sans-IO: lookups and timers are arguments.
class LocationWatch {
 public:
  struct Ports {
    Lookup lookup;
    std::function<uint32_t(uint32_t bound)> random;
    // Rings once, later; destroying what it returns stops it.
    std::function<std::shared_ptr<void>(std::chrono::milliseconds, std::function<void()>)> after;
  };

  // `on_found` hears of each new list, best first, never empty.
  LocationWatch(LocateRequest request, Ports ports, std::function<void(const std::vector<Target>&)> on_found);
  ~LocationWatch();
  LocationWatch(const LocationWatch&) = delete;
  LocationWatch& operator=(const LocationWatch&) = delete;

  void Start();
  // Runs when an attempt found nothing new to say; how many one after the other.
  std::function<void(unsigned failures)> on_failed;

 private:
  void Handle(const Location& location);

  const LocateRequest request_;
  const Ports ports_;
  const std::function<void(const std::vector<Target>&)> on_found_;
  std::vector<Target> found_;
  bool is_certain_ = false;  // found_: every server was heard
  unsigned failures_ = 0;
  std::shared_ptr<void> timer_;
  std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);
};

}  // namespace byon::dns
