#include "dataplane/config/announcement_files.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <vector>

#include "dataplane/pipeline/wave_file.h"

namespace byon::config {
namespace {

namespace fs = std::filesystem;

// The longest file at the highest rate, with some room for its headers.
constexpr uintmax_t kMaxFileBytes = uintmax_t{pipeline::kMaxWaveSeconds} * 48'000 * 2 + 65'536;
constexpr size_t kMaxNameBytes = 64;

bool IsName(const std::string& name) {
  return !name.empty() && name.size() <= kMaxNameBytes && std::ranges::all_of(name, [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
  });
}

base::Result<pipeline::WaveAudio, std::string> ReadWave(const fs::path& path) {
  std::error_code error;
  const uintmax_t size = fs::file_size(path, error);
  if (error) return std::string("it cannot be read");
  if (size > kMaxFileBytes) {
    return "it is longer than " + std::to_string(pipeline::kMaxWaveSeconds) + " seconds";
  }
  std::vector<char> bytes(static_cast<size_t>(size));
  std::ifstream file(path, std::ios::binary);
  if (!file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
    return std::string("it cannot be read");
  }
  return pipeline::ParseWaveFile(std::as_bytes(std::span(bytes)));
}

}  // namespace

base::Result<pipeline::AnnouncementSet, std::string> ReadAnnouncements(const std::string& directory) {
  pipeline::AnnouncementSet announcements;
  if (directory.empty()) return announcements;
  std::error_code error;
  std::vector<fs::path> paths;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".wav") paths.push_back(entry->path());
  }
  if (error) {
    return "media.announcements is \"" + directory + "\", but must be a directory that can be read.";
  }
  std::ranges::sort(paths);
  std::string mistakes;
  base::TimeDelta total;
  const auto refuse = [&mistakes](const fs::path& path, const std::string& why) {
    mistakes += (mistakes.empty() ? "" : "\n") + path.string() + " cannot be an announcement: " + why + ".";
  };
  for (const fs::path& path : paths) {
    const std::string name = path.stem().string();
    if (!IsName(name)) {
      refuse(path, "its name must be 1 to 64 of [A-Za-z0-9_-]");
      continue;
    }
    const auto wave = ReadWave(path);
    if (!wave) {
      refuse(path, wave.error());
      continue;
    }
    pipeline::AudioClip clip(wave->samples, wave->sample_rate_hz);
    total += clip.duration();
    announcements.emplace(name, std::move(clip));
  }
  if (total > base::TimeDelta::Seconds(kMaxAnnouncementSeconds)) {
    mistakes += (mistakes.empty() ? "" : "\n") + directory + " holds " + std::to_string(total.milliseconds() / 1000) +
                " seconds of announcements, but at most " + std::to_string(kMaxAnnouncementSeconds) + " are allowed.";
  }
  if (!mistakes.empty()) return mistakes;
  return announcements;
}

}  // namespace byon::config
