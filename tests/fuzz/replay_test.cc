// Runs a fuzz target without libFuzzer: over its seeds, and over a fixed sequence of mutations of
// them, so that every test run (gcc, ASan, UBSan) exercises every parser.
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "dataplane/base/random.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Input = std::vector<uint8_t>;

constexpr int kMutations = 20'000;
// Slow targets (a handshake an input) end here: the sequence is the same, only shorter.
constexpr auto kMutationBudget = std::chrono::seconds(6);
constexpr size_t kMaxInputBytes = 4096;
// An input that takes more CPU time is a hang.
constexpr auto kMaxInputTime = std::chrono::seconds(2);

std::chrono::nanoseconds CpuTime() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

std::vector<Input> LoadSeeds() {
  std::vector<std::filesystem::path> files;
  std::stringstream folders{BYON_FUZZ_SEEDS};
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (!std::filesystem::is_directory(folder)) continue;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<Input> seeds;
  for (const auto& file : files) {
    std::ifstream stream(file, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  return seeds;
}

void RunTarget(const Input& input) {
  // An exact-size copy, so that one byte past the end is the sanitizer's.
  const Input copy(input.begin(), input.end());
  const auto start = CpuTime();
  (void)LLVMFuzzerTestOneInput(copy.data(), copy.size());
  EXPECT_LT(CpuTime() - start, kMaxInputTime) << "size " << copy.size();
}

void MutateOnce(Input& input, const std::vector<Input>& seeds, byon::base::Random& random) {
  const auto below = [&](size_t bound) {
    return static_cast<size_t>(random.NextBelow(static_cast<uint32_t>(std::max<size_t>(bound, 1))));
  };
  const auto at = [&](size_t index) { return input.begin() + static_cast<ptrdiff_t>(index); };
  if (input.empty()) input.push_back(static_cast<uint8_t>(random.NextU32()));
  const size_t position = below(input.size());
  switch (random.NextBelow(8)) {
    case 0: input[position] ^= static_cast<uint8_t>(1u << random.NextBelow(8)); break;
    case 1: input[position] = static_cast<uint8_t>(random.NextU32()); break;
    case 2: {  // the values that lengths and counts break on
      constexpr uint8_t kEdges[] = {0, 1, 3, 4, 0x7f, 0x80, 0xfe, 0xff};
      input[position] = kEdges[random.NextBelow(8)];
      if (position + 1 < input.size()) input[position + 1] = kEdges[random.NextBelow(8)];
      break;
    }
    case 3: input.resize(below(input.size() + 1)); break;
    case 4: input.insert(at(position), 1 + below(8), static_cast<uint8_t>(random.NextU32())); break;
    case 5: input.erase(at(position), at(std::min(input.size(), position + 1 + below(8)))); break;
    case 6: {  // repeat a piece of it
      const Input piece(at(position), at(std::min(input.size(), position + 1 + below(32))));
      input.insert(at(below(input.size())), piece.begin(), piece.end());
      break;
    }
    default: {  // go on with another seed's tail
      if (seeds.empty()) break;
      const Input& other = seeds[below(seeds.size())];
      const size_t cut = below(other.size());
      input.resize(position);
      input.insert(input.end(), other.begin() + static_cast<ptrdiff_t>(cut), other.end());
      break;
    }
  }
  if (input.size() > kMaxInputBytes) input.resize(kMaxInputBytes);
}

TEST(FuzzReplay, SeedsAreHandled) {
  RunTarget({});
  for (const Input& seed : LoadSeeds()) RunTarget(seed);
}

TEST(FuzzReplay, MutationsAreHandled) {
  std::vector<Input> seeds = LoadSeeds();
  if (seeds.empty()) seeds.emplace_back(32, uint8_t{0});
  byon::base::Random random(20261122);
  const auto end = std::chrono::steady_clock::now() + kMutationBudget;
  int done = 0;
  for (; done < kMutations && std::chrono::steady_clock::now() < end; ++done) {
    Input input = seeds[random.NextBelow(static_cast<uint32_t>(seeds.size()))];
    for (uint32_t i = 0, count = 1 + random.NextBelow(6); i < count; ++i) {
      MutateOnce(input, seeds, random);
    }
    RunTarget(input);
    if (HasFailure()) break;
  }
  RecordProperty("mutations", done);
}

}  // namespace
