#include "tools/load/options.h"

#include <charconv>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

namespace byon::load {

const char* const kUsage =
    R"(byon-load [PROFILE] [options]: plays calls, both sides of each, against a running byon-dataplane.
PROFILE is a YAML file or one of: steady (default), smoke, churn, storm, radio, mixed.
  --dataplane ADDRESS  its control.listen: host:port or unix:/path   (127.0.0.1:50051)
  --tls-ca FILE, --tls-cert FILE, --tls-key FILE  where that asks for mutual TLS, PEM
  --ng IP:PORT         plays them against rtpengine instead, at its listen-ng (perf/run peer), or what speaks like it
  --ng-opus TEXT       what that is to encode Opus with, as its codec-set wants it
  --calls N, --seconds N, --ramp N  instead of the profile's calls, measured_seconds, ramp_per_second
  --find-limit         searches for the most calls that go cleanly, from the profile's number on
  --json FILE          the figures
  --html FILE          a page that shows them
  --pid N              a process to watch; again for more   (all byon-dataplane and byon-controlplane)
  --quiet              no progress line
  --print-profile      the profile, then ends
  --version, --help
Exit status: 0 clean, 1 not clean, 2 wrong arguments or profile, 3 no dataplane or no sockets.
)";

namespace {

std::optional<std::string> ReadWholeFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::stringstream text;
  text << file.rdbuf();
  return file.bad() ? std::nullopt : std::optional(text.str());
}

// One line of YAML instead of, or beside, the one of that key.
std::string WithKey(const std::string& yaml, const std::string& key, const std::string& value) {
  std::istringstream lines(yaml);
  std::string changed;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key + ":")) changed += line + "\n";
  }
  return changed + key + ": " + value + "\n";
}

}  // namespace

base::Result<Options, std::string> ParseOptions(const std::vector<std::string>& arguments) {
  Options options;
  std::map<std::string, std::string> changed_keys;
  std::string pid;
  const std::map<std::string, std::string*> with_value = {{"--dataplane", &options.node.target},
                                                          {"--tls-ca", &options.node.ca_file},
                                                          {"--tls-cert", &options.node.certificate_file},
                                                          {"--tls-key", &options.node.key_file},
                                                          {"--ng", &options.ng},
                                                          {"--ng-opus", &options.ng_opus},
                                                          {"--json", &options.json_file},
                                                          {"--html", &options.html_file},
                                                          {"--pid", &pid},
                                                          {"--calls", &changed_keys["calls"]},
                                                          {"--seconds", &changed_keys["measured_seconds"]},
                                                          {"--ramp", &changed_keys["ramp_per_second"]}};
  bool has_profile = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--help" || argument == "-h") {
      options.action = Options::Action::kHelp;
      return options;
    }
    if (argument == "--version") {
      options.action = Options::Action::kVersion;
      return options;
    }
    if (argument == "--print-profile") {
      options.action = Options::Action::kPrintProfile;
    } else if (argument == "--find-limit") {
      options.finds_limit = true;
    } else if (argument == "--quiet") {
      options.is_quiet = true;
    } else if (const auto found = with_value.find(argument); found != with_value.end()) {
      if (i + 1 == arguments.size()) return argument + " must be followed by a value.";
      *found->second = arguments[++i];
      if (argument != "--pid") continue;
      pid_t number = 0;
      const auto [end, error] = std::from_chars(pid.data(), pid.data() + pid.size(), number);
      if (error != std::errc() || end != pid.data() + pid.size() || number <= 0) {
        return "--pid is \"" + pid + "\", but must be the number of a process.";
      }
      options.pids.push_back(number);
    } else if (argument.starts_with("-") || has_profile) {
      return argument + " is not known; byon-load --help says what is.";
    } else {
      has_profile = true;
      options.profile_name = argument;
    }
  }
  const std::string_view built_in = BuiltInProfile(options.profile_name);
  const auto text = built_in.empty() ? ReadWholeFile(options.profile_name) : std::string(built_in);
  if (!text) {
    return "the profile is \"" + options.profile_name + "\", but must be a file that can be read or one of " +
           BuiltInProfileNames() + ".";
  }
  options.profile_yaml = *text;
  for (const auto& [key, value] : changed_keys) {
    if (!value.empty()) options.profile_yaml = WithKey(options.profile_yaml, key, value);
  }
  auto profile = ParseProfile(options.profile_yaml);
  if (!profile) {
    std::string mistakes;
    std::istringstream lines(profile.error());
    for (std::string line; std::getline(lines, line);)
      mistakes += (mistakes.empty() ? "" : "\n") + options.profile_name + ": " + line;
    return mistakes;
  }
  options.profile = std::move(profile).value();
  return options;
}

}  // namespace byon::load
