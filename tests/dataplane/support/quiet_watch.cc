#include "tests/dataplane/support/quiet_watch.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <linux/prctl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <utility>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BYON_SANITIZER_HOLDS_THE_HEAP 1
// Of the sanitizers' run-time; gcc ships no header for it.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*, size_t),
                                                         void (*on_free)(const volatile void*));
#endif

namespace byon::test {
namespace {

constinit thread_local bool is_watching = false;
constinit thread_local Noise noise;
// Read by the kernel at every system call of a thread that asked for it.
constinit thread_local volatile char dispatch = PR_SYS_DISPATCH_OFF;

void TellWhere(const char* what) {
  static bool has_told = false;
  if (std::exchange(has_told, true)) return;
  void* frames[32];
  const int depth = backtrace(frames, 32);
  (void)!write(STDERR_FILENO, what, __builtin_strlen(what));
  backtrace_symbols_fd(frames, depth, STDERR_FILENO);
}

void Count(uint64_t& counter, const char* what) {
  if (!is_watching) return;
  is_watching = false;
  const char before = std::exchange(dispatch, char{PR_SYS_DISPATCH_OFF});
  ++counter;
  TellWhere(what);
  dispatch = before;
  is_watching = true;
}

// Counts the call, makes it in the thread's place and lets the others pass until the next Begin().
void OnSystemCall(int, siginfo_t* info, void* context) {
  dispatch = PR_SYS_DISPATCH_OFF;
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  if (is_watching) {
    is_watching = false;
    if (noise.system_calls++ == 0) noise.first_system_call = info->si_syscall;
    TellWhere("a system call:\n");
    is_watching = true;
  }
  const long result = syscall(info->si_syscall, registers[REG_RDI], registers[REG_RSI], registers[REG_RDX],
                              registers[REG_R10], registers[REG_R8], registers[REG_R9]);
  registers[REG_RAX] = result == -1 ? -errno : result;
}

bool AskForSystemCalls() {
  struct sigaction action {};
  action.sa_sigaction = OnSystemCall;
  action.sa_flags = SA_SIGINFO;
  return sigaction(SIGSYS, &action, nullptr) == 0 &&
         prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, const_cast<char*>(&dispatch)) == 0;
}

template <typename Function>
Function* Next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

std::string ToText(const Noise& noise) {
  return std::to_string(noise.allocations) + " allocations, " + std::to_string(noise.releases) + " releases, " +
         std::to_string(noise.locks) + " locks, " + std::to_string(noise.system_calls) +
         " system calls (the first is number " + std::to_string(noise.first_system_call) + ")";
}

namespace quiet_watch {

bool SeesSystemCalls() {
  thread_local const bool is_asked = AskForSystemCalls();
  return is_asked;
}

void Begin() {
  if (SeesSystemCalls()) dispatch = PR_SYS_DISPATCH_ON;
  is_watching = true;
}

void End() {
  is_watching = false;
  dispatch = PR_SYS_DISPATCH_OFF;
}

Noise Take() { return std::exchange(noise, Noise()); }

Pause::Pause() : was_watching_(is_watching) {
  if (was_watching_) End();
}
Pause::~Pause() {
  if (was_watching_) Begin();
}

}  // namespace quiet_watch

namespace {

#if BYON_SANITIZER_HOLDS_THE_HEAP
void OnAllocation(const volatile void*, size_t) { Count(noise.allocations, "an allocation:\n"); }
void OnRelease(const volatile void* memory) {
  if (memory != nullptr) Count(noise.releases, "a release:\n");
}
[[maybe_unused]] const int hooks = __sanitizer_install_malloc_and_free_hooks(OnAllocation, OnRelease);
#endif

}  // namespace
}  // namespace byon::test

using byon::test::Count;
using byon::test::noise;

#define BYON_WATCHED_LOCK(name, type)                             \
  extern "C" int name(type* lock) {                               \
    Count(noise.locks, #name ":\n");                              \
    static const auto next = byon::test::Next<int(type*)>(#name); \
    return next(lock);                                            \
  }
BYON_WATCHED_LOCK(pthread_mutex_lock, pthread_mutex_t)
BYON_WATCHED_LOCK(pthread_mutex_trylock, pthread_mutex_t)
BYON_WATCHED_LOCK(pthread_rwlock_rdlock, pthread_rwlock_t)
BYON_WATCHED_LOCK(pthread_rwlock_wrlock, pthread_rwlock_t)
BYON_WATCHED_LOCK(pthread_spin_lock, pthread_spinlock_t)
BYON_WATCHED_LOCK(pthread_cond_signal, pthread_cond_t)
BYON_WATCHED_LOCK(sem_wait, sem_t)
BYON_WATCHED_LOCK(sem_post, sem_t)

#if !BYON_SANITIZER_HOLDS_THE_HEAP
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
void* __libc_memalign(size_t alignment, size_t size);
void __libc_free(void* memory);

void* malloc(size_t size) {
  Count(noise.allocations, "malloc:\n");
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  Count(noise.allocations, "calloc:\n");
  return __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  Count(noise.allocations, "realloc:\n");
  return __libc_realloc(memory, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  Count(noise.allocations, "aligned_alloc:\n");
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, size_t alignment, size_t size) {
  Count(noise.allocations, "posix_memalign:\n");
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
void free(void* memory) {
  if (memory != nullptr) Count(noise.releases, "free:\n");
  __libc_free(memory);
}
}
#endif
