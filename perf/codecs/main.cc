// The batch encoder for AMR-WB beside vo-amrwbenc: do they give the same frames, and what does each
// cost? perf/run codecs [--check] [--seconds N] [--speech FILE]...
#include <time.h>
#include <vo-amrwbenc/enc_if.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/amr_wb/batch_encoder.h"
#include "tests/dataplane/support/encoder_signal.h"

namespace byon::amr_wb {
namespace {

constexpr int kFramesPerSecond = 50;
constexpr double kGoal = 6;  // the library's time over the batch's, a full batch, without DTX

struct Options {
  bool is_check = false;
  int seconds = 120;  // of input, in each of the 18 settings of mode and DTX and in the mixture
  std::vector<std::string> speech;
};

double CpuMicroseconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) * 1e-3;
}

// 16-bit mono at 48 kHz (.pcm), averaged to 16 kHz, or at 16 kHz (anything else).
std::vector<int16_t> ReadSpeech(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::vector<int16_t> samples(bytes.size() / 2);
  std::memcpy(samples.data(), bytes.data(), samples.size() * 2);
  if (!path.ends_with(".pcm")) return samples;
  std::vector<int16_t> out(samples.size() / 3);
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = static_cast<int16_t>((samples[3 * i] + samples[3 * i + 1] + samples[3 * i + 2]) / 3);
  }
  return out;
}

// Speech at several levels where there is some, and made-up signals.
class Input {
 public:
  Input(int call, const std::vector<std::vector<int16_t>>& speech) : signal_(call % kKinds) {
    if (speech.empty() || call % 2 != 0) return;
    const size_t at = static_cast<size_t>(call / 2);
    speech_ = &speech[at % speech.size()];
    at_ = at * 31'000 % speech_->size();
    constexpr int kLevels[] = {16, 64, 1, 4};  // sixteenths
    level_ = kLevels[at % 4];
  }
  void Fill(std::span<int16_t> samples) {
    if (speech_ == nullptr) return signal_.Fill(samples);
    for (int16_t& sample : samples) {
      sample = static_cast<int16_t>(std::clamp((*speech_)[at_] * level_ / 16, -32'768, 32'767));
      at_ = at_ + 1 < speech_->size() ? at_ + 1 : 0;
    }
  }

 private:
  static constexpr int kKinds = test::EncoderSignal::kKinds;
  test::EncoderSignal signal_;
  const std::vector<int16_t>* speech_ = nullptr;
  size_t at_ = 0;
  int level_ = 16;
};

struct Outcome {
  long frames = 0;
  long differing = 0;
  double batch_us = 0;
  double library_us = 0;
};

// `mode` 9 is a mixture: every call a mode of its own that changes.
Outcome Run(BatchEncoder& encoder, int calls, int frames, int mode, bool use_dtx,
            const std::vector<std::vector<int16_t>>& speech) {
  using Library = std::unique_ptr<void, void (*)(void*)>;
  const size_t count = static_cast<size_t>(calls);
  std::vector<Input> inputs;
  std::vector<Library> libraries;
  for (int i = 0; i < calls; ++i) {
    inputs.emplace_back(i, speech);
    libraries.emplace_back(E_IF_init(), &E_IF_exit);
  }
  std::vector<CallState> states(count);
  std::vector<std::array<int16_t, kFrame16k>> samples(count);
  std::vector<EncodeJob> jobs(count);
  Outcome outcome;
  for (int frame = 0; frame < frames; ++frame) {
    for (size_t i = 0; i < count; ++i) {
      inputs[i].Fill(samples[i]);
      jobs[i].state = &states[i];
      jobs[i].samples = samples[i].data();
      jobs[i].mode = mode < kModes ? mode : (static_cast<int>(i) * 5 + frame / 20) % kModes;
      jobs[i].use_dtx = use_dtx;
    }
    const double start = CpuMicroseconds();
    encoder.Encode(jobs);
    outcome.batch_us += CpuMicroseconds() - start;
    for (size_t i = 0; i < count; ++i) {
      std::array<uint8_t, 64> bytes{};
      const double before = CpuMicroseconds();
      const int size = E_IF_encode(libraries[i].get(), jobs[i].mode, samples[i].data(), bytes.data(), use_dtx ? 1 : 0);
      outcome.library_us += CpuMicroseconds() - before;
      ++outcome.frames;
      if (size != jobs[i].size || !std::equal(jobs[i].frame, jobs[i].frame + size, bytes.begin())) {
        ++outcome.differing;
      }
    }
  }
  return outcome;
}

bool Compare(const Options& options, InstructionSet instructions, const char* name,
             const std::vector<std::vector<int16_t>>& speech) {
  BatchEncoder encoder(instructions);
  const int calls = encoder.lanes();
  const int frames = std::max(options.seconds * kFramesPerSecond / calls, 1);
  std::printf("\n%s, %d calls a pass     library    batch\n", name, calls);
  std::printf("mode DTX   frames differing  us/frame us/frame ratio\n");
  bool is_good = true;
  long total = 0, differing = 0;
  for (int mode = 0; mode <= kModes; ++mode) {
    for (const bool use_dtx : {false, true}) {
      const Outcome o = Run(encoder, calls, frames, mode, use_dtx, speech);
      const double n = static_cast<double>(o.frames);
      const double ratio = o.library_us / o.batch_us;
      std::printf("%4s %3s %8ld %9ld %9.1f %8.1f %5.1f\n", mode < kModes ? std::to_string(mode).c_str() : "all",
                  use_dtx ? "on" : "off", o.frames, o.differing, o.library_us / n, o.batch_us / n, ratio);
      total += o.frames;
      differing += o.differing;
      if (mode < kModes && !use_dtx && ratio < kGoal) is_good = false;
    }
  }
  std::printf("%ld frames, %.1f minutes, %ld differ\n", total, static_cast<double>(total) / kFramesPerSecond / 60,
              differing);
  return is_good && differing == 0;
}

void PrintCost(const std::vector<std::vector<int16_t>>& speech) {
  constexpr int kMode = 2;  // 12.65 kbit/s
  std::printf("\n12.65 kbit/s, us of CPU a frame and call\ncalls  library");
  constexpr std::pair<InstructionSet, const char*> kSets[] = {{InstructionSet::kAvx2, "AVX2"},
                                                              {InstructionSet::kAvx512, "AVX-512"}};
  for (const auto& [set, name] : kSets) {
    if (IsSupported(set)) std::printf("%10s", name);
  }
  for (const int calls : {1, 2, 4, 8, 16, 32}) {
    std::printf("\n%5d", calls);
    bool is_first = true;
    for (const auto& [set, name] : kSets) {
      if (!IsSupported(set)) continue;
      BatchEncoder encoder(set);
      const Outcome o = Run(encoder, calls, 2400 / calls, kMode, false, speech);
      const double n = static_cast<double>(o.frames);
      if (is_first) std::printf("%9.1f", o.library_us / n);
      std::printf("%10.1f", o.batch_us / n);
      is_first = false;
    }
  }
  std::printf("\n");
}

int Main(const Options& options) {
  if (!BestInstructionSet()) {
    std::printf("this CPU has neither AVX2 nor AVX-512: no batch encoder\n");
    return options.is_check ? 1 : 0;
  }
  std::vector<std::vector<int16_t>> speech;
  for (const std::string& path : options.speech) {
    speech.push_back(ReadSpeech(path));
    if (speech.back().empty()) {
      std::fprintf(stderr, "perf/run codecs: no speech in '%s'\n", path.c_str());
      return 2;
    }
  }
  std::printf("half of the calls %s\n", speech.empty() ? "would be speech, but there is none: all are made-up signals"
                                                       : "are speech, half made-up signals");
  PrintCost(speech);
  bool is_good = true;
  if (IsSupported(InstructionSet::kAvx2)) {
    is_good = Compare(options, InstructionSet::kAvx2, "AVX2", speech) && is_good;
  }
  if (IsSupported(InstructionSet::kAvx512)) {
    is_good = Compare(options, InstructionSet::kAvx512, "AVX-512", speech) && is_good;
  }
  if (!options.is_check) return 0;
  std::printf("%s: the same frames at less than 1/%.0f of the time in every mode\n", is_good ? "met" : "NOT MET",
              kGoal);
  return is_good ? 0 : 1;
}

}  // namespace
}  // namespace byon::amr_wb

int main(int argc, char** argv) {
  byon::amr_wb::Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--check") {
      options.is_check = true;
    } else if (argument == "--speech" && i + 1 < argc) {
      options.speech.emplace_back(argv[++i]);
    } else if (argument == "--seconds" && i + 1 < argc) {
      const std::string_view value = argv[++i];
      const auto result = std::from_chars(value.begin(), value.end(), options.seconds);
      if (result.ec != std::errc() || result.ptr != value.end() || options.seconds < 1) {
        std::fprintf(stderr, "perf/run codecs: --seconds takes a whole number from 1, not '%s'\n", argv[i]);
        return 2;
      }
    } else {
      std::fprintf(stderr, "usage: perf/run codecs [--check] [--seconds N] [--speech FILE]...\n");
      return argument == "--help" ? 0 : 2;
    }
  }
  return byon::amr_wb::Main(options);
}
