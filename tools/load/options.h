#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "dataplane/base/result.h"
#include "tools/load/node_address.h"
#include "tools/load/profile.h"

namespace byon::load {

// What the command line says.
struct Options {
  enum class Action : uint8_t { kRun, kHelp, kVersion, kPrintProfile };
  Action action = Action::kRun;
  Profile profile;
  std::string profile_name = "steady";
  std::string profile_yaml;  // as it was read, with what the command line changed
  NodeAddress node;
  std::string rtpengine;       // its listen-ng: measured instead of a dataplane
  std::string rtpengine_opus;  // what it encodes Opus with, as its codec-set wants it
  bool finds_limit = false;
  std::string json_file, html_file;
  bool is_quiet = false;
  std::vector<pid_t> pids;
};

// The error is a sentence or several, one a line.
base::Result<Options, std::string> ParseOptions(const std::vector<std::string>& arguments);

extern const char* const kUsage;

}  // namespace byon::load
