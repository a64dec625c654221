#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace byon::perf {

// What the CPU time of a worker goes to. AMR narrow-band is one library for both directions: all of
// it counts as encoding, which is most of it.
enum class Part : uint8_t { kOpus, kAmrEncode, kAmrDecode, kSrtp, kJitter, kPipeline, kRest };
inline constexpr size_t kPartCount = 7;
std::string_view PartName(Part part);

// A sampling profiler of this thread: a signal per millisecond or two of its CPU time, whose
// program counter tells the library or, in our own code, the room. One at a time.
class CpuProfile {
 public:
  // Takes samples only while `is_working`.
  explicit CpuProfile(const std::atomic<bool>& is_working);
  ~CpuProfile();
  CpuProfile(const CpuProfile&) = delete;
  CpuProfile& operator=(const CpuProfile&) = delete;

  // Shares of the samples since it was made, which add up to 1; zeros without a sample.
  std::array<double, kPartCount> Shares() const;
  size_t sample_count() const;
  // The functions (or libraries, of which no more is known) with the most samples, and their shares.
  std::vector<std::pair<std::string, double>> Functions(size_t most) const;

 private:
  void* timer_ = nullptr;
};

}  // namespace byon::perf
