#pragma once

#include <optional>
#include <string>

#include "controlplane/api/http_application.h"

struct lws;

namespace byon::http {

// Copies what libwebsockets parsed of a request into a request of our own. The library has decoded
// percent signs in path and query; they are encoded again, so that the application sees the one
// canonical spelling. Nothing when the method is none we know.
std::optional<api::HttpRequest> ReadRequest(lws* connection);


// The peer's address, IPv4-mapped IPv6 as IPv4.
std::string PeerAddress(int socket);

}  // namespace byon::http
