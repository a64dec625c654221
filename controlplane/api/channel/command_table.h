#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "controlplane/api/api_error.h"
#include "controlplane/api/http_application.h"

namespace byon::api {

// One command of the event channel and the REST operation that it is another name for.
struct Command {
  std::string_view name;  // "call.status"
  std::string_view method;
  std::string_view path;   // below the API root; {name} stands for a parameter
  std::string_view query;  // parameters that go there, by their own names, with commas; empty: none
  bool is_query_required = false;
  // Parameters that go into headers of these lower-case names; empty: none.
  std::string_view header_parameter;
  std::string_view header;
  bool may_repeat = false;  // takes idempotencyKey
};

std::span<const Command> Commands();

// What a client sent as a command, its form checked.
struct CommandRequest {
  std::string id;
  HttpRequest request;  // as REST would have it, without Authorization
};
// A command whose form is wrong; `id` is empty when there is none to answer to.
struct BadCommand {
  std::string id;
  ApiError error;
};

// `message`: an object with a member "command"; `api_root`: path prefix of the API.
std::variant<CommandRequest, BadCommand> ReadCommand(const nlohmann::json& message, const std::string& api_root);
// The message that answers a command.
std::string AnswerText(const std::string& id, const HttpResponse& response);

}  // namespace byon::api
