#include "controlplane/gateway/runtime_ports.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace byon::gateway {

call::Now SystemClock::Read() const { return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()}; }

uint64_t SystemIdSource::NewNumber() {
  uint64_t number = 0;
  // Up to 256 bytes come whole and are never interrupted once the pool is initialised
  // (getrandom(2)).
  while (getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) {
    // Guessable ids would hand calls to strangers: better no process at all.
    if (errno != EINTR) std::abort();
  }
  return number;
}

std::string SystemIdSource::NewId() {
  std::string id;
  for (uint64_t part : {NewNumber(), NewNumber()}) {
    for (int shift = 60; shift >= 0; shift -= 4) id += "0123456789abcdef"[part >> shift & 0xf];
  }
  return id;
}

}  // namespace byon::gateway
