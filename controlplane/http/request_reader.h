#pragma once

#include <optional>
#include <string>

#include "controlplane/api/http_application.h"
#include "controlplane/http/forwarding.h"

struct lws;

namespace byon::http {

// Copies what libwebsockets parsed of a request into a request of our own. The library has decoded
// percent signs in path and query; they are encoded again, so that the application sees the one
// canonical spelling. Nothing when the method is none we know.
std::optional<api::HttpRequest> ReadRequest(lws* connection);

// What RequestTarget refuses, seen in what the library has made of a request line: a target with control characters, or
// a line that a decoded line end has cut off before its version. For requests that came behind another one: nobody saw
// their bytes. At a NUL or a broken escape the library itself has closed.
bool IsRequestLineSound(lws* connection);

// What proxies have said of the client; empty where they said nothing. Of X-Forwarded-For all lines, joined; of the
// others, which the library does not know, it keeps every line but shows the first.
struct ForwardingTexts {
  std::string forwarded, x_forwarded_for, x_forwarded_proto, x_forwarded_host;
  ForwardingHeaders view() const { return {forwarded, x_forwarded_for, x_forwarded_proto, x_forwarded_host}; }
};
ForwardingTexts ReadForwarding(lws* connection);

// The peer's address, IPv4-mapped IPv6 as IPv4.
std::string PeerAddress(int socket);

}  // namespace byon::http
