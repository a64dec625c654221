#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "controlplane/api/channel/command_table.h"
#include "controlplane/json/strict_json.h"

// Messages of the channel: a good command is a request for one of our own paths and nothing can break out of its place;
// whatever the answer, it is JSON.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace byon::api;
  const auto message = byon::json::ParseStrict({reinterpret_cast<const char*>(data), size});
  if (!message || !message->is_object()) return 0;
  const auto read = ReadCommand(*message, "/root");
  if (const auto* bad = std::get_if<BadCommand>(&read)) {
    const auto answer = nlohmann::json::parse(AnswerText(bad->id, ErrorResponse(bad->error)), nullptr, false);
    if (answer.value("status", 0) != bad->error.status) __builtin_trap();
    return 0;
  }
  const auto& [id, request] = std::get<CommandRequest>(read);
  if (!request.path.starts_with("/root/") || request.path.find_first_of("?# \r\n") != std::string::npos)
    __builtin_trap();
  if (request.query.find_first_of("&# \r\n") != std::string::npos) __builtin_trap();
  for (const auto& [name, value] : request.headers) {
    if (value.find_first_of("\r\n") != std::string::npos) __builtin_trap();
  }
  const auto answer = nlohmann::json::parse(AnswerText(id, JsonResponse(200, "{}")), nullptr, false);
  if (answer.is_discarded() || answer["id"] != id) __builtin_trap();
  return 0;
}
