#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "controlplane/control_plane.h"
#include "controlplane/push_parts.h"
#include "controlplane/room_settings.h"
#include "controlplane/runtime/config.h"
#include "controlplane/runtime/log.h"
#include "controlplane/runtime/open_files.h"
#include "controlplane/runtime/subscriber_file.h"

namespace {

using namespace byon;

constexpr int kUsage = 2;
// When service ends: BYEs have so long at least, de-registrations so long at most. Who was not reached is in the store
// yet.
constexpr auto kGoodbye = std::chrono::seconds(2);
constexpr auto kLongestGoodbye = std::chrono::seconds(60);
constexpr auto kGoodbyeLook = std::chrono::milliseconds(100);

struct Arguments {
  std::string config;
  bool only_checks = false;
  bool shows_schema = false;
  bool shows_version = false;
};

void PrintUsage(std::FILE* out) {
  std::fputs(
      "byon-controlplane --config FILE [--check-config]\n"
      "byon-controlplane --version | --config-schema | --help\n",
      out);
}

std::optional<Arguments> Parse(int count, char** values) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string_view value = values[i];
    if (value == "--config" && i + 1 < count) {
      arguments.config = values[++i];
    } else if (value.starts_with("--config=")) {
      arguments.config = value.substr(9);
    } else if (value == "--check-config") {
      arguments.only_checks = true;
    } else if (value == "--config-schema") {
      arguments.shows_schema = true;
    } else if (value == "--version") {
      arguments.shows_version = true;
    } else {
      return std::nullopt;
    }
  }
  const bool is_enough = arguments.shows_schema || arguments.shows_version || !arguments.config.empty();
  return is_enough ? std::optional(arguments) : std::nullopt;
}

// The configuration's mistakes and those of the files it names.
std::vector<std::string> AllMistakes(const runtime::LoadedConfig& loaded) {
  std::vector<std::string> mistakes = loaded.mistakes;
  if (!mistakes.empty()) return mistakes;
  for (const runtime::OperatorConfig& one : loaded.operators) {
    const std::string& file = one.config.ims.subscribers_file;
    if (file.empty()) continue;
    for (const std::string& mistake : runtime::SubscriberFile::Load(file, {}).mistakes) {
      if (std::find(mistakes.begin(), mistakes.end(), mistake) == mistakes.end()) mistakes.push_back(mistake);
    }
  }
  if (mistakes.empty()) {
    for (const runtime::OperatorConfig& one : loaded.operators) {
      const auto mistake = PushMistake(one.config);
      if (mistake && std::find(mistakes.begin(), mistakes.end(), *mistake) == mistakes.end())
        mistakes.push_back(*mistake);
    }
  }
  return mistakes;
}

runtime::LogOptions LogSettings(const runtime::Config& config) {
  runtime::LogOptions options;
  options.level = config.log.level == "error"     ? runtime::LogLevel::kError
                  : config.log.level == "warning" ? runtime::LogLevel::kWarning
                  : config.log.level == "debug"   ? runtime::LogLevel::kDebug
                                                  : runtime::LogLevel::kInfo;
  options.is_json = config.log.is_json;
  options.shows_full_numbers = config.log.shows_full_numbers;
  options.node = config.node_id;
  return options;
}

// Stops the program when service has ended, or has had its time.
void WaitForEnd(boost::asio::io_context& context, boost::asio::steady_timer& timer, const ControlPlane& control_plane,
                std::chrono::steady_clock::time_point since) {
  timer.expires_after(kGoodbyeLook);
  timer.async_wait([&context, &timer, &control_plane, since](const boost::system::error_code& error) {
    const auto waited = std::chrono::steady_clock::now() - since;
    const bool is_over = waited >= kLongestGoodbye || (waited >= kGoodbye && control_plane.HasEnded());
    if (error || is_over) return context.stop();
    WaitForEnd(context, timer, control_plane, since);
  });
}

int Run(const runtime::LoadedConfig& loaded) {
  const runtime::Config& config = loaded.config;
  runtime::Logger log(LogSettings(config));
  try {
    const auto beside = OpenFilesBesideConnections(loaded);
    if (const auto mistake = runtime::AskForOpenFiles(config.limits.connections, beside))
      throw std::runtime_error(*mistake);
    boost::asio::io_context context(1);
    ControlPlane control_plane(loaded, BYON_VERSION, context, log);
    // SIGTERM and SIGINT hand over: calls that were answered live on in the dataplane for the next process. SIGQUIT, or
    // a store that forgets, ends service: calls get their BYE.
    boost::asio::signal_set signals(context, SIGTERM, SIGINT, SIGQUIT);
    boost::asio::steady_timer goodbye(context);
    signals.async_wait([&](const boost::system::error_code& error, int signal) {
      if (error) return;
      log.Info("stopping", {{"signal", signal}});
      if (signal != SIGQUIT && config.store.is_sqlite) {
        control_plane.HandOver();
        return context.stop();
      }
      control_plane.EndService();
      WaitForEnd(context, goodbye, control_plane, std::chrono::steady_clock::now());
    });
    log.Info("ready", {{"http_port", control_plane.http_port()},
                       {"metrics_port", control_plane.metrics_port()},
                       {"url", config.http.public_url},
                       {"version", BYON_VERSION}});
    context.run();
  } catch (const std::exception& error) {
    log.Error("start_failed", {{"why", error.what()}});
    return 1;
  }
  log.Info("stopped");
  return 0;
}

}  // namespace

int main(int count, char** values) {
  const auto arguments = Parse(count, values);
  if (!arguments) {
    const bool wants_help = count == 2 && std::string_view(values[1]) == "--help";
    PrintUsage(wants_help ? stdout : stderr);
    return wants_help ? 0 : kUsage;
  }
  if (arguments->shows_version) {
    std::puts("byon-controlplane " BYON_VERSION);
    return 0;
  }
  if (arguments->shows_schema) {
    std::printf("%.*s", static_cast<int>(runtime::ConfigSchema().size()), runtime::ConfigSchema().data());
    return 0;
  }
  const runtime::LoadedConfig loaded = runtime::LoadConfig(arguments->config);
  const std::vector<std::string> mistakes = AllMistakes(loaded);
  for (const std::string& mistake : mistakes) std::fprintf(stderr, "%s\n", mistake.c_str());
  if (!mistakes.empty()) return 1;
  if (arguments->only_checks) {
    std::printf("%s is good.\n", arguments->config.c_str());
    return 0;
  }
  std::signal(SIGPIPE, SIG_IGN);
  // Passwords and tokens are in memory: no core files.
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  return Run(loaded);
}
