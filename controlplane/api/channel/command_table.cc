#include "controlplane/api/channel/command_table.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "controlplane/api/object_reader.h"
#include "controlplane/api/wire_format.h"

namespace byon::api {
namespace {

using nlohmann::json;

constexpr size_t kMaxId = 64;
constexpr size_t kMaxParameter = 256;

#define BYON_REGISTRATIONS "/webrtc-registration/v0.4/sessions"
#define BYON_CALLS "/webrtc-call-handling/v0.4/sessions"
#define BYON_SUBSCRIPTIONS "/webrtc-events-subscriptions/v0.3/subscriptions"
#define BYON_EXTENSIONS "/byon/v1"
#define BYON_PAGING "page,perPage,seek"
constexpr auto kCommands = std::to_array<Command>({
    {.name = "registration.create", .method = "POST", .path = BYON_REGISTRATIONS},
    {.name = "registration.list",
     .method = "GET",
     .path = BYON_REGISTRATIONS,
     .query = "deviceId",
     .is_query_required = true},
    {.name = "registration.get", .method = "GET", .path = BYON_REGISTRATIONS "/{registrationId}"},
    {.name = "registration.update", .method = "PUT", .path = BYON_REGISTRATIONS "/{registrationId}"},
    {.name = "registration.delete", .method = "DELETE", .path = BYON_REGISTRATIONS "/{registrationId}"},
    {.name = "call.create",
     .method = "POST",
     .path = BYON_CALLS,
     .header_parameter = "registrationId",
     .header = "registrationid",
     .may_repeat = true},
    {.name = "call.get", .method = "GET", .path = BYON_CALLS "/{mediaSessionId}"},
    {.name = "call.status", .method = "PUT", .path = BYON_CALLS "/{mediaSessionId}/status"},
    {.name = "call.delete", .method = "DELETE", .path = BYON_CALLS "/{mediaSessionId}"},
    {.name = "call.list", .method = "GET", .path = BYON_EXTENSIONS "/calls", .query = "deviceId," BYON_PAGING},
    {.name = "call.details", .method = "GET", .path = BYON_EXTENSIONS "/calls/{mediaSessionId}"},
    {.name = "call.location", .method = "PUT", .path = BYON_EXTENSIONS "/calls/{mediaSessionId}/location"},
    {.name = "call.dtmf", .method = "POST", .path = BYON_EXTENSIONS "/calls/{mediaSessionId}/dtmf"},
    {.name = "call.quality", .method = "GET", .path = BYON_EXTENSIONS "/calls/{mediaSessionId}/quality"},
    {.name = "call.play", .method = "POST", .path = BYON_EXTENSIONS "/calls/{mediaSessionId}/playback"},
    {.name = "call.play.stop",
     .method = "DELETE",
     .path = BYON_EXTENSIONS "/calls/{mediaSessionId}/playback",
     .query = "to",
     .is_query_required = true},
    {.name = "call.transfer", .method = "POST", .path = BYON_EXTENSIONS "/calls/{mediaSessionId}/transfer"},
    {.name = "call.transfer.cancel", .method = "DELETE", .path = BYON_EXTENSIONS "/calls/{mediaSessionId}/transfer"},
    {.name = "call.elsewhere",
     .method = "GET",
     .path = BYON_EXTENSIONS "/calls-elsewhere",
     .query = "deviceId," BYON_PAGING},
    {.name = "call.pull", .method = "POST", .path = BYON_EXTENSIONS "/calls-elsewhere/{mediaSessionId}/pull"},
    {.name = "device.list", .method = "GET", .path = BYON_EXTENSIONS "/registrations", .query = BYON_PAGING},
    {.name = "push.set", .method = "PUT", .path = BYON_EXTENSIONS "/registrations/{registrationId}/push"},
    {.name = "push.get", .method = "GET", .path = BYON_EXTENSIONS "/registrations/{registrationId}/push"},
    {.name = "push.delete", .method = "DELETE", .path = BYON_EXTENSIONS "/registrations/{registrationId}/push"},
    {.name = "visit.get", .method = "GET", .path = BYON_EXTENSIONS "/click-to-call/visit"},
    {.name = "ice.servers", .method = "GET", .path = BYON_EXTENSIONS "/ice-servers"},
    {.name = "message.send", .method = "POST", .path = BYON_EXTENSIONS "/messages", .may_repeat = true},
    {.name = "message.list",
     .method = "GET",
     .path = BYON_EXTENSIONS "/messages",
     .query = "peer,before,limit,phoneNumber"},
    {.name = "message.get", .method = "GET", .path = BYON_EXTENSIONS "/messages/{messageId}"},
    {.name = "message.read", .method = "POST", .path = BYON_EXTENSIONS "/messages/{messageId}/read"},
    {.name = "message.delete", .method = "DELETE", .path = BYON_EXTENSIONS "/messages/{messageId}"},
    {.name = "presence.list", .method = "GET", .path = BYON_EXTENSIONS "/presence", .query = "phoneNumber"},
    {.name = "presence.get", .method = "GET", .path = BYON_EXTENSIONS "/presence/{number}", .query = "phoneNumber"},
    {.name = "presence.watch", .method = "PUT", .path = BYON_EXTENSIONS "/presence/{number}", .query = "phoneNumber"},
    {.name = "presence.unwatch",
     .method = "DELETE",
     .path = BYON_EXTENSIONS "/presence/{number}",
     .query = "phoneNumber"},
    {.name = "subscription.create", .method = "POST", .path = BYON_SUBSCRIPTIONS},
    {.name = "subscription.list", .method = "GET", .path = BYON_SUBSCRIPTIONS},
    {.name = "subscription.get", .method = "GET", .path = BYON_SUBSCRIPTIONS "/{subscriptionId}"},
    {.name = "subscription.update", .method = "PUT", .path = BYON_SUBSCRIPTIONS "/{subscriptionId}"},
    {.name = "subscription.delete", .method = "DELETE", .path = BYON_SUBSCRIPTIONS "/{subscriptionId}"},
    {.name = "visitor.token.create", .method = "POST", .path = BYON_EXTENSIONS "/click-to-call/tokens"},
    {.name = "visitor.token.delete", .method = "DELETE", .path = BYON_EXTENSIONS "/click-to-call/tokens/{tokenId}"},
    {.name = "campaign.list", .method = "GET", .path = BYON_EXTENSIONS "/click-to-call/campaigns"},
});
#undef BYON_REGISTRATIONS
#undef BYON_CALLS
#undef BYON_SUBSCRIPTIONS
#undef BYON_EXTENSIONS
#undef BYON_PAGING

// Parameters that are numbers in JSON too; REST judges their ranges, as for itself.
bool IsNumber(std::string_view name) {
  return name == "page" || name == "perPage" || name == "seek" || name == "limit";
}
constexpr int64_t kMostOfANumber = int64_t{1} << 53;  // beyond, JSON numbers are not exact (RFC 8259 section 6)

bool IsCommandId(const std::string& id) { return !id.empty() && CharacterCount(id) <= kMaxId && IsPlainText(id); }

bool IsHeaderText(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// Everything but the unreserved characters (RFC 3986 section 2.3), so that a parameter stays one path segment.
std::string PercentEncode(const std::string& text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~') {
      encoded += c;
    } else {
      encoded += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return encoded;
}

// Puts the parameters where REST has them.
void PlaceParameters(const Command& command, const json& params, HttpRequest& request, Mistakes& mistakes) {
  ObjectReader reader(params, "params", mistakes);
  const auto take = [&](std::string_view name, bool is_required) -> std::optional<std::string> {
    const std::string key(name);
    if (is_required) reader.Require(key.c_str());
    if (const auto given = params.find(key); IsNumber(name) && given != params.end() && given->is_number()) {
      const auto number = reader.Integer(key.c_str(), -kMostOfANumber, kMostOfANumber);
      return number ? std::optional(std::to_string(*number)) : std::nullopt;
    }
    return reader.Text(key.c_str(), kMaxParameter);
  };
  if (const size_t open = command.path.find('{'); open != command.path.npos) {
    const size_t close = command.path.find('}');
    const auto value = take(command.path.substr(open + 1, close - open - 1), true);
    request.path += std::string(command.path.substr(0, open)) + PercentEncode(value.value_or("")) +
                    std::string(command.path.substr(close + 1));
  } else {
    request.path += command.path;
  }
  for (std::string_view names = command.query; !names.empty();) {
    const size_t comma = std::min(names.find(','), names.size());
    const std::string_view name = names.substr(0, comma);
    names.remove_prefix(std::min(comma + 1, names.size()));
    if (const auto value = take(name, command.is_query_required)) {
      request.query += (request.query.empty() ? "" : "&") + std::string(name) + "=" + PercentEncode(*value);
    }
  }
  const auto place = [&](std::string_view parameter, std::string_view header, bool is_required) {
    const auto value = take(parameter, is_required);
    if (!value) return;
    if (!IsHeaderText(*value)) reader.Mistake(std::string(parameter).c_str(), "must be printable ASCII without spaces");
    request.headers[std::string(header)] = *value;
  };
  // A visitor has none to give; REST refuses all others without it.
  if (!command.header.empty()) place(command.header_parameter, command.header, false);
  if (command.may_repeat) place("idempotencyKey", "idempotency-key", false);
  reader.Finish();
}

}  // namespace

std::span<const Command> Commands() { return kCommands; }

std::variant<CommandRequest, BadCommand> ReadCommand(const json& message, const std::string& api_root) {
  Mistakes mistakes;
  ObjectReader reader(message, "", mistakes);
  CommandRequest wanted;
  wanted.id = reader.Text("id", kMaxId).value_or("");
  if (!IsCommandId(wanted.id)) return BadCommand{"", InvalidArgument("id must be a text of 1 to 64 characters.")};
  const std::string name = reader.Text("command", kMaxId).value_or("");
  const auto command =
      std::find_if(kCommands.begin(), kCommands.end(), [&name](const Command& one) { return one.name == name; });
  if (command == kCommands.end()) {
    return BadCommand{wanted.id, InvalidArgument("command must be one of those that the ready message lists.")};
  }
  HttpRequest& request = wanted.request;
  request.method = command->method;
  request.path = api_root;
  const json* params = reader.Object("params");
  PlaceParameters(*command, params == nullptr ? json::object() : *params, request, mistakes);
  if (const json* body = reader.Object("body")) {
    request.body = body->dump(-1, ' ', false, json::error_handler_t::replace);
    request.headers["content-type"] = "application/json";
    if (request.method == "GET" || request.method == "DELETE") reader.Mistake("body", "is not taken by this command");
  }
  if (const auto correlator = reader.Text("correlator", kMaxParameter)) {
    if (!IsCorrelator(*correlator)) reader.Mistake("correlator", "is malformed");
    request.headers["x-correlator"] = *correlator;
  }
  reader.Finish();
  if (!mistakes.empty()) return BadCommand{wanted.id, InvalidArgument(mistakes.first)};
  return wanted;
}

std::string AnswerText(const std::string& id, const HttpResponse& response) {
  const auto header = [&response](std::string_view name) -> const std::string* {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return &value;
    }
    return nullptr;
  };
  json answer{{"id", id}, {"status", response.status}};
  const std::string* correlator = header("x-correlator");
  answer["correlator"] = correlator == nullptr ? "" : *correlator;
  if (const std::string* seconds = header("Retry-After")) answer["retryAfter"] = std::stoi(*seconds);
  if (const std::string* total = header("X-Total-Count")) answer["totalCount"] = std::stoull(*total);
  if (const std::string* key = header("Content-Last-Key")) answer["lastKey"] = *key;
  std::string text = answer.dump(-1, ' ', false, json::error_handler_t::replace);
  // The body is JSON already.
  if (!response.body.empty()) text.replace(text.size() - 1, 1, ",\"body\":" + response.body + "}");
  return text;
}

}  // namespace byon::api
