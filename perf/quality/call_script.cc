#include "perf/quality/call_script.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>

#include "dataplane/base/check.h"

namespace byon::quality {
namespace {

namespace fs = std::filesystem;

constexpr int kRateHz = 48'000;
constexpr size_t kFrame = 960;
constexpr double kActiveLevel = 32768 * 0.0501;  // -26 dBov
constexpr const char* kPocketsphinxFolder = "/usr/share/pocketsphinx/test/data/librivox";
constexpr size_t kWavHeaderBytes = 44;

struct Source {
  const char* name;
  const char* file;
  int rate_hz;
  size_t header_bytes;
};
constexpr Source kItu[] = {
    {"P.501 English", "mnru/test_data/P501_D_EN_fm_SWB_48k.pcm", 48'000, 0},
    {"P.501 American", "mnru/test_data/P501_D_AM_fm_FB_48k.pcm", 48'000, 0},
};
constexpr Source kBook[] = {
    {"Austen 0870", "sense_and_sensibility_01_austen_64kb-0870.wav", 16'000, kWavHeaderBytes},
    {"Austen 0890", "sense_and_sensibility_01_austen_64kb-0890.wav", 16'000, kWavHeaderBytes},
    {"Austen 0920", "sense_and_sensibility_01_austen_64kb-0920.wav", 16'000, kWavHeaderBytes},
};

// Root mean square of the 20 ms frames within 40 dB of the loudest.
double ActiveLevel(const Signal& signal) {
  std::vector<double> powers;
  for (size_t at = 0; at + kFrame <= signal.samples.size(); at += kFrame) {
    double power = 0;
    for (size_t i = 0; i < kFrame; ++i) power += std::pow(double{signal.samples[at + i]}, 2);
    powers.push_back(power / kFrame);
  }
  const double threshold = powers.empty() ? 0 : *std::ranges::max_element(powers) * 1e-4;
  double sum = 0;
  size_t active = 0;
  for (const double power : powers) {
    if (power > threshold) sum += power, ++active;
  }
  return active == 0 ? 0 : std::sqrt(sum / static_cast<double>(active));
}

std::optional<Recording> Load(const fs::path& folder, const Source& source) {
  std::ifstream file(folder / source.file, std::ios::binary);
  if (!file) return std::nullopt;
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.size() <= source.header_bytes) return std::nullopt;
  std::vector<int16_t> pcm((bytes.size() - source.header_bytes) / 2);
  std::memcpy(pcm.data(), bytes.data() + source.header_bytes, pcm.size() * 2);
  Recording recording{source.name, Resample(FromPcm(pcm, source.rate_hz), kRateHz)};
  const double level = ActiveLevel(recording.audio);
  if (level <= 0) return std::nullopt;
  for (float& sample : recording.audio.samples) sample *= static_cast<float>(kActiveLevel / level);
  recording.audio.samples.resize(recording.audio.samples.size() / kFrame * kFrame);
  return recording;
}

}  // namespace

Material LoadMaterial(const fs::path& itu_folder) {
  Material material;
  for (const Source& source : kItu) {
    if (auto recording = Load(itu_folder, source)) {
      material.recordings.push_back(std::move(*recording));
    }
  }
  const bool has_itu = !material.recordings.empty();
  // Beside P.501 one other voice; in its place all that there is.
  const size_t wanted = has_itu ? 1 : std::size(kBook);
  for (const Source& source : std::span(kBook).first(wanted)) {
    if (auto recording = Load(kPocketsphinxFolder, source)) {
      material.recordings.push_back(std::move(*recording));
    }
  }
  for (const Recording& recording : material.recordings) {
    material.description += (material.description.empty() ? "" : ", ") + recording.name;
  }
  if (!has_itu) {
    material.description +=
        " (no ITU-T P.501 speech in " + itu_folder.string() + "; figures of other speech do not compare)";
  }
  return material;
}

CallScript MakeCallScript(const std::vector<Recording>& recordings, double lead_s) {
  BYON_CHECK(!recordings.empty(), "somebody speaks");
  CallScript script;
  script.audio.rate_hz = kRateHz;
  auto& samples = script.audio.samples;
  // The lead is speech as well, the recordings from the last one on, without their first second.
  const auto lead = static_cast<size_t>(std::lround(lead_s * 50)) * kFrame;
  for (size_t i = 0; samples.size() < lead; ++i) {
    const auto& audio = recordings[recordings.size() - 1 - i % recordings.size()].audio.samples;
    samples.insert(samples.end(), audio.begin() + kRateHz, audio.end());
  }
  samples.resize(lead);
  script.lead_s = static_cast<double>(lead) / kRateHz;
  for (const Recording& recording : recordings) {
    script.parts.push_back({recording.name, script.audio.seconds(), recording.audio.seconds()});
    samples.insert(samples.end(), recording.audio.samples.begin(), recording.audio.samples.end());
  }
  return script;
}

}  // namespace byon::quality
