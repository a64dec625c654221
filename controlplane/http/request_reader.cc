#include "controlplane/http/request_reader.h"

#include <arpa/inet.h>
#include <libwebsockets.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

namespace byon::http {
namespace {

constexpr std::array<std::pair<lws_token_indexes, const char*>, 7> kMethods = {{
    {WSI_TOKEN_GET_URI, "GET"},
    {WSI_TOKEN_POST_URI, "POST"},
    {WSI_TOKEN_PUT_URI, "PUT"},
    {WSI_TOKEN_DELETE_URI, "DELETE"},
    {WSI_TOKEN_OPTIONS_URI, "OPTIONS"},
    {WSI_TOKEN_PATCH_URI, "PATCH"},
    {WSI_TOKEN_HEAD_URI, "HEAD"},
}};

// Headers the application may ask for. The library cannot list those it does not know itself.
constexpr std::array<std::pair<lws_token_indexes, const char*>, 13> kKnownHeaders = {{
    {WSI_TOKEN_HOST, "host"},
    {WSI_TOKEN_ORIGIN, "origin"},
    {WSI_TOKEN_PROTOCOL, "sec-websocket-protocol"},
    {WSI_TOKEN_HTTP_ACCEPT, "accept"},
    {WSI_TOKEN_HTTP_AUTHORIZATION, "authorization"},
    {WSI_TOKEN_HTTP_CONTENT_LENGTH, "content-length"},
    {WSI_TOKEN_HTTP_CONTENT_TYPE, "content-type"},
    {WSI_TOKEN_HTTP_CONTENT_ENCODING, "content-encoding"},
    {WSI_TOKEN_HTTP_TRANSFER_ENCODING, "transfer-encoding"},
    {WSI_TOKEN_HTTP_IF_NONE_MATCH, "if-none-match"},
    {WSI_TOKEN_HTTP_USER_AGENT, "user-agent"},
    {WSI_TOKEN_UPGRADE, "upgrade"},
    {WSI_TOKEN_HTTP_AC_REQUEST_HEADERS, "access-control-request-headers"},
}};
constexpr std::array<const char*, 6> kCustomHeaders = {"idempotency-key",   "x-correlator", "registrationid",
                                                       "x-byon-extensions", "traceparent",  "dpop"};

std::string ReadToken(lws* connection, lws_token_indexes token) {
  const int length = lws_hdr_total_length(connection, token);
  if (length <= 0) return {};
  std::string text(static_cast<size_t>(length) + 1, '\0');
  const int copied = lws_hdr_copy(connection, text.data(), length + 1, token);
  text.resize(copied > 0 ? static_cast<size_t>(copied) : 0);
  return text;
}

std::string ReadCustom(lws* connection, std::string_view name) {
  const std::string with_colon = std::string(name) + ":";
  const int size = static_cast<int>(with_colon.size());
  const int length = lws_hdr_custom_length(connection, with_colon.c_str(), size);
  if (length <= 0) return {};
  std::string text(static_cast<size_t>(length) + 1, '\0');
  const int copied = lws_hdr_custom_copy(connection, text.data(), length + 1, with_colon.c_str(), size);
  text.resize(copied > 0 ? static_cast<size_t>(copied) : 0);
  return text;
}

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

// RFC 3986 section 2.1, keeping what `kept` names besides the unreserved.
std::string PercentEncode(std::string_view text, std::string_view kept) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (IsUnreserved(c) || kept.find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return encoded;
}

// The library splits the query at '&'; the first '=' of a part separates name and value.
std::string ReadQuery(lws* connection) {
  std::string query;
  for (int fragment = 0;; ++fragment) {
    const int length = lws_hdr_fragment_length(connection, WSI_TOKEN_HTTP_URI_ARGS, fragment);
    if (length <= 0) return query;
    std::string part(static_cast<size_t>(length) + 1, '\0');
    const int copied = lws_hdr_copy_fragment(connection, part.data(), length + 1, WSI_TOKEN_HTTP_URI_ARGS, fragment);
    part.resize(copied > 0 ? static_cast<size_t>(copied) : 0);
    if (fragment > 0) query += '&';
    const size_t equals = part.find('=');
    query += PercentEncode(std::string_view(part).substr(0, equals), "");
    if (equals != std::string::npos) {
      query += '=' + PercentEncode(std::string_view(part).substr(equals + 1), "");
    }
  }
}

}  // namespace

std::optional<api::HttpRequest> ReadRequest(lws* connection) {
  api::HttpRequest request;
  for (const auto& [token, method] : kMethods) {
    if (lws_hdr_total_length(connection, token) <= 0) continue;
    request.method = method;
    request.path = PercentEncode(ReadToken(connection, token), "/:@!$'()*,;=+");
    break;
  }
  if (request.method.empty()) return std::nullopt;
  request.query = ReadQuery(connection);
  for (const auto& [token, name] : kKnownHeaders) {
    std::string value = ReadToken(connection, token);
    if (!value.empty()) request.headers.emplace(name, std::move(value));
  }
  for (const char* name : kCustomHeaders) {
    std::string value = ReadCustom(connection, name);
    if (!value.empty()) request.headers.emplace(name, std::move(value));
  }
  return request;
}

bool IsRequestLineSound(lws* connection) {
  const auto has_control = [](std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  };
  if (!ReadToken(connection, WSI_TOKEN_HTTP).starts_with("HTTP/")) return false;
  for (const auto& [token, method] : kMethods) {
    if (has_control(ReadToken(connection, token))) return false;
  }
  return !has_control(ReadToken(connection, WSI_TOKEN_HTTP_URI_ARGS));
}

ForwardingTexts ReadForwarding(lws* connection) {
  return {ReadCustom(connection, "forwarded"), ReadToken(connection, WSI_TOKEN_X_FORWARDED_FOR),
          ReadCustom(connection, "x-forwarded-proto"), ReadCustom(connection, "x-forwarded-host")};
}

std::string PeerAddress(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  } else if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof text);
    } else {
      inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    }
  }
  return text;
}

}  // namespace byon::http
