#include "controlplane/api/operation_name.h"

#include <algorithm>
#include <array>

#include "controlplane/api/channel/command_table.h"

namespace byon::api {
namespace {

struct Operation {
  std::string_view name;
  std::string_view method;
  std::string_view path;
};

// Those that are no commands: an older release's, and what there is before a token.
constexpr auto kOthers = std::to_array<Operation>({
    {"call.status", "PUT", "/webrtc-call-handling/v0.3/sessions/{id}"},
    {"subscription.create", "POST", "/webrtc-events/v0.2/subscriptions"},
    {"subscription.list", "GET", "/webrtc-events/v0.2/subscriptions"},
    {"subscription.get", "GET", "/webrtc-events/v0.2/subscriptions/{id}"},
    {"subscription.delete", "DELETE", "/webrtc-events/v0.2/subscriptions/{id}"},
    {"page.config", "GET", "/byon/v1/config"},
    {"documents", "GET", "/openapi"},
    {"documents", "GET", "/asyncapi"},
    {"health", "GET", "/livez"},
    {"health", "GET", "/readyz"},
});

std::string_view TakeSegment(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

bool IsVersion(std::string_view segment) {
  return segment.size() > 1 && segment[0] == 'v' && segment[1] >= '0' && segment[1] <= '9';
}

// `pattern` has parts in braces; one version is as good as another.
bool Matches(std::string_view pattern, std::string_view path) {
  while (pattern.starts_with('/') && path.starts_with('/')) {
    const std::string_view wanted = TakeSegment(pattern);
    const std::string_view found = TakeSegment(path);
    const bool is_any = wanted.starts_with('{') || (IsVersion(wanted) && IsVersion(found));
    if (!is_any && wanted != found) return false;
  }
  return pattern.empty() && path.empty();
}

}  // namespace

std::string_view OperationName(std::string_view method, std::string_view path, std::string_view api_root) {
  if (!path.starts_with(api_root)) return "other";
  path.remove_prefix(api_root.size());
  const auto fits = [&](const auto& one) { return one.method == method && Matches(one.path, path); };
  const auto commands = Commands();
  if (const auto command = std::find_if(commands.begin(), commands.end(), fits); command != commands.end())
    return command->name;
  const auto other = std::find_if(kOthers.begin(), kOthers.end(), fits);
  return other == kOthers.end() ? "other" : other->name;
}

}  // namespace byon::api
