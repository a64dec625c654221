#pragma once

#include <cstdint>
#include <string>

namespace byon::test {

// What the calling thread did while it was watched.
struct Noise {
  uint64_t allocations = 0;   // malloc, new and their kin, of whatever library
  uint64_t releases = 0;      // free, delete
  uint64_t locks = 0;         // mutexes, read-write locks, condition variables, semaphores
  uint64_t system_calls = 0;  // at most one is seen between Begin() and End()
  long first_system_call = -1;

  bool operator==(const Noise&) const = default;
};
std::string ToText(const Noise& noise);

// Watches one thread for what a packet path must not do. It takes the place of malloc and of the
// locks' functions in the whole program, so it is for programs of their own. The first noise of a
// program prints where it came from.
namespace quiet_watch {

// False where the kernel cannot tell of system calls: then those are not seen, the rest is.
bool SeesSystemCalls();
void Begin();
void End();
// All since the last call; not watched meanwhile.
Noise Take();

// Looks away while it lives.
class Pause {
 public:
  Pause();
  ~Pause();
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;

 private:
  const bool was_watching_;
};

}  // namespace quiet_watch
}  // namespace byon::test
