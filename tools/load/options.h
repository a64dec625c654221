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
  std::string ng;       // IP:port of rtpengine's ng protocol: measured instead of a dataplane
  std::string ng_opus;  // what that is to encode Opus with
  bool finds_limit = false;
  std::string json_file, html_file;
  bool is_quiet = false;
  std::vector<pid_t> pids;
};

// The error is a sentence or several, one a line.
base::Result<Options, std::string> ParseOptions(const std::vector<std::string>& arguments);

extern const char* const kUsage;

}  // namespace byon::load
