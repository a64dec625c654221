#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "perf/quality/signal.h"

namespace byon::quality {

// A recording, about -26 dBov while somebody speaks, at 48 kHz.
struct Recording {
  std::string name;
  Signal audio;
};

struct Material {
  std::vector<Recording> recordings;
  std::string description;  // one line: what is played, and what was looked for in vain
};
// ITU-T P.501 from `itu_folder` (of the ITU-T Software Tool Library), and read English from
// Debian's pocketsphinx-testdata. Without either there is no recording.
Material LoadMaterial(const std::filesystem::path& itu_folder);

// What one side of a call says: a lead during which play-out settles, then every recording.
struct CallScript {
  struct Part {
    std::string name;
    double start_s = 0;  // a multiple of 20 ms
    double length_s = 0;
  };
  Signal audio;  // 48 kHz, whole frames
  double lead_s = 0;
  std::vector<Part> parts;
};
CallScript MakeCallScript(const std::vector<Recording>& recordings, double lead_s);

}  // namespace byon::quality
