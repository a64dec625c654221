#include "controlplane/api/exchange.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controlplane/json/strict_json.h"

namespace byon::api {
namespace {

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string Trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return "";
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// application/json, alone or with charset=utf-8.
bool IsJson(const std::string& content_type) {
  const std::string lower = Lower(content_type);
  const size_t semicolon = lower.find(';');
  if (Trimmed(lower.substr(0, semicolon)) != "application/json") return false;
  if (semicolon == lower.npos) return true;
  std::string parameter = Trimmed(lower.substr(semicolon + 1));
  std::erase(parameter, '"');
  return parameter.empty() || parameter == "charset=utf-8";
}

}  // namespace

void Exchange::SendJson(int status, const nlohmann::json& body) const {
  // What the network says may be no UTF-8; the answer must not fail for it.
  respond(JsonResponse(status, body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
}

std::optional<nlohmann::json> Exchange::BodyObject() const {
  const std::string* type = request.Header("content-type");
  if (has_body() && (type == nullptr || !IsJson(*type))) {
    Fail({415, "UNSUPPORTED_MEDIA_TYPE", "The request body must be application/json."});
    return std::nullopt;
  }
  auto body = json::ParseStrict(request.body, {.max_bytes = 1 << 20});
  if (!body || !body->is_object()) {
    Fail(InvalidArgument(has_body() ? "The request body is not a valid JSON object." : "The request body is missing."));
    return std::nullopt;
  }
  return body;
}

bool Exchange::wants_channel() const {
  const std::string* header = request.Header("x-byon-extensions");
  return header != nullptr && Lower(*header).find("channel") != std::string::npos;
}

}  // namespace byon::api
