#include "perf/calls_per_core/cpu_profile.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <signal.h>
#include <time.h>
#include <ucontext.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <vector>

#include "dataplane/base/check.h"

namespace byon::perf {
namespace {

constexpr size_t kMaxSamples = 1 << 16;
constexpr long kIntervalNs = 1'000'000;

std::array<uintptr_t, kMaxSamples> samples;
std::atomic<size_t> count{0};
const std::atomic<bool>* gate = nullptr;

uintptr_t ProgramCounter(void* context) {
  const auto& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return static_cast<uintptr_t>(machine.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return machine.pc;
#else
#error "which register is the program counter?"
#endif
}

void OnSignal(int, siginfo_t*, void* context) {
  const size_t at = count.load(std::memory_order_relaxed);
  if (!gate->load(std::memory_order_relaxed) || at == kMaxSamples) return;
  samples[at] = ProgramCounter(context);
  count.store(at + 1, std::memory_order_relaxed);
}

// The functions of our own program, static ones too, which dladdr() does not know.
class OwnSymbols {
 public:
  OwnSymbols() {
    dl_iterate_phdr(
        [](dl_phdr_info* info, size_t, void* base) {
          *static_cast<uintptr_t*>(base) = info->dlpi_addr;
          return 1;  // the first one is the program
        },
        &base_);
    std::ifstream file("/proc/self/exe", std::ios::binary);
    image_.assign(std::istreambuf_iterator<char>(file), {});
    ElfW(Ehdr) header;
    std::memcpy(&header, image_.data(), sizeof header);
    for (size_t i = 0; i < header.e_shnum; ++i) {
      const auto section = Read<ElfW(Shdr)>(header.e_shoff + i * header.e_shentsize);
      if (section.sh_type != SHT_SYMTAB) continue;
      const auto names = Read<ElfW(Shdr)>(header.e_shoff + size_t{section.sh_link} * header.e_shentsize);
      for (size_t at = 0; at < section.sh_size; at += section.sh_entsize) {
        const auto symbol = Read<ElfW(Sym)>(section.sh_offset + at);
        if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_value == 0) continue;
        symbols_.push_back({symbol.st_value, image_.data() + names.sh_offset + symbol.st_name});
      }
    }
    std::ranges::sort(symbols_, {}, &Symbol::address);
  }
  std::string_view NameOf(uintptr_t address) const {
    const auto behind = std::ranges::upper_bound(symbols_, address - base_, {}, &Symbol::address);
    return behind == symbols_.begin() ? "" : std::prev(behind)->name;
  }

 private:
  struct Symbol {
    uintptr_t address;
    const char* name;
  };
  template <typename T>
  T Read(size_t offset) const {
    T value;
    std::memcpy(&value, image_.data() + offset, sizeof value);
    return value;
  }

  uintptr_t base_ = 0;
  std::vector<char> image_;
  std::vector<Symbol> symbols_;
};

Part PartOfLibrary(std::string_view path) {
  const auto has = [path](std::string_view text) { return path.find(text) != path.npos; };
  if (has("libopus") || has("libm.so")) return Part::kOpus;
  if (has("libvo-amrwbenc") || has("libopencore-amrnb")) return Part::kAmrEncode;
  if (has("libopencore-amrwb")) return Part::kAmrDecode;
  if (has("libIPSec_MB") || has("libcrypto")) return Part::kSrtp;
  return Part::kRest;
}

// By the namespace in the mangled name.
Part PartOfFunction(std::string_view name) {
  const auto has = [name](std::string_view text) { return name.find(text) != name.npos; };
  if (has("4byon6amr_wb")) return Part::kAmrEncode;
  if (has("4byon4srtp")) return Part::kSrtp;
  if (has("4byon6jitter")) return Part::kJitter;
  if (has("4byon8pipeline") || has("4byon5codec")) return Part::kPipeline;
  return Part::kRest;
}

std::string FunctionOf(uintptr_t address, const OwnSymbols& own) {
  Dl_info info{}, ours{};
  if (dladdr(reinterpret_cast<void*>(address), &info) == 0) return "?";
  dladdr(reinterpret_cast<void*>(&PartName), &ours);
  const std::string library = std::filesystem::path(info.dli_fname).filename();
  if (info.dli_fbase != ours.dli_fbase) {
    return library + (info.dli_sname ? std::string(" ") + info.dli_sname : "");
  }
  const std::string mangled(own.NameOf(address));
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status), &std::free);
  return name ? std::string(name.get()).substr(0, 100) : mangled;
}

Part PartOf(uintptr_t address, const OwnSymbols& own) {
  Dl_info info{};
  if (dladdr(reinterpret_cast<void*>(address), &info) == 0) return Part::kRest;
  Dl_info ours{};
  dladdr(reinterpret_cast<void*>(&PartName), &ours);
  if (info.dli_fbase != ours.dli_fbase) return PartOfLibrary(info.dli_fname);
  return PartOfFunction(own.NameOf(address));
}

}  // namespace

std::string_view PartName(Part part) {
  constexpr std::string_view kNames[kPartCount] = {"opus", "amr enc", "amr dec", "srtp", "jitter", "pipeline", "rest"};
  return kNames[static_cast<size_t>(part)];
}

CpuProfile::CpuProfile(const std::atomic<bool>& is_working) {
  count = 0;
  gate = &is_working;
  struct sigaction action {};
  action.sa_sigaction = &OnSignal;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  BYON_CHECK(sigaction(SIGPROF, &action, nullptr) == 0, "a handler can be set");
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGPROF;
  timer_t timer{};
  BYON_CHECK(timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) == 0, "a timer can be made");
  const itimerspec interval{{0, kIntervalNs}, {0, kIntervalNs}};
  BYON_CHECK(timer_settime(timer, 0, &interval, nullptr) == 0, "a timer can be set");
  timer_ = timer;
}

CpuProfile::~CpuProfile() {
  timer_delete(static_cast<timer_t>(timer_));
  signal(SIGPROF, SIG_IGN);
}

std::vector<std::pair<std::string, double>> CpuProfile::Functions(size_t most) const {
  const OwnSymbols own;
  std::map<std::string, double> shares;
  const size_t total = count;
  for (size_t i = 0; i < total; ++i) {
    shares[FunctionOf(samples[i], own)] += 1 / static_cast<double>(total);
  }
  std::vector<std::pair<std::string, double>> sorted(shares.begin(), shares.end());
  std::ranges::sort(sorted, std::greater<>(), [](const auto& one) { return one.second; });
  sorted.resize(std::min(most, sorted.size()));
  return sorted;
}

size_t CpuProfile::sample_count() const { return count; }

std::array<double, kPartCount> CpuProfile::Shares() const {
  static const OwnSymbols own;
  std::array<double, kPartCount> shares{};
  const size_t total = count;
  for (size_t i = 0; i < total; ++i) {
    shares[static_cast<size_t>(PartOf(samples[i], own))] += 1 / static_cast<double>(total);
  }
  return shares;
}

}  // namespace byon::perf
