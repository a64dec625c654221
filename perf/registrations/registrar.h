#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace byon::perf {

// What the network counted, in memory shared with its process.
struct NetworkCounts {
  static constexpr size_t kSeconds = 7200;
  using BySecond = std::array<std::atomic<uint32_t>, kSeconds>;
  std::atomic<uint64_t> registers_accepted{0};
  std::atomic<uint64_t> registers_challenged{0};
  std::atomic<uint64_t> subscribes{0};
  std::atomic<uint64_t> notifies_accepted{0};
  // Of accepted REGISTERs, by the steady clock's second modulo kSeconds.
  BySecond accepted_in_second{};
  BySecond subscribes_in_second{};
};

// The network as far as registrations need one, in a process of its own: challenges a REGISTER that proves nothing,
// takes one that does (the proof itself is not looked at), takes SUBSCRIBE and sends the NOTIFY that it asks for. UDP.
// Made before any thread.
class Registrar {
 public:
  // Exits the process where the address cannot be bound. `granted_s`: of each registration.
  Registrar(const std::string& address, uint16_t port, unsigned granted_s);
  ~Registrar();
  Registrar(const Registrar&) = delete;
  Registrar& operator=(const Registrar&) = delete;

  NetworkCounts& counts() { return *counts_; }

 private:
  NetworkCounts* counts_ = nullptr;
  pid_t process_ = 0;
};

}  // namespace byon::perf
