#pragma once

#include <optional>
#include <string>

#include "controlplane/api/http_application.h"

namespace byon::api {

// The token of "Authorization: Bearer <token>" (RFC 6750 section 2.1); never of the URL.
std::optional<std::string> BearerOf(const HttpRequest& request);
// A token offered as WebSocket subprotocol "byon.bearer.<token>".
std::optional<std::string> SubprotocolToken(const HttpRequest& request);

}  // namespace byon::api
