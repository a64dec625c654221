#include "controlplane/http/lws_connection.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace byon::http {
namespace {

constexpr size_t kChunkBytes = 16 * 1024;
constexpr size_t kHeadBytes = 16 * 1024;

struct Method {
  lws_token_indexes token;
  const char* name;
};
constexpr Method kMethods[] = {{WSI_TOKEN_GET_URI, "GET"},        {WSI_TOKEN_POST_URI, "POST"},
                               {WSI_TOKEN_PUT_URI, "PUT"},        {WSI_TOKEN_DELETE_URI, "DELETE"},
                               {WSI_TOKEN_OPTIONS_URI, "OPTIONS"}, {WSI_TOKEN_PATCH_URI, "PATCH"},
                               {WSI_TOKEN_HEAD_URI, "HEAD"}};

struct KnownHeader {
  lws_token_indexes token;
  const char* name;
};
constexpr KnownHeader kKnown[] = {{WSI_TOKEN_HTTP_AUTHORIZATION, "authorization"},
                                  {WSI_TOKEN_HTTP_CONTENT_TYPE, "content-type"},
                                  {WSI_TOKEN_ORIGIN, "origin"},
                                  {WSI_TOKEN_PROTOCOL, "sec-websocket-protocol"},
                                  {WSI_TOKEN_HTTP_IF_NONE_MATCH, "if-none-match"}};
constexpr const char* kCustom[] = {"x-correlator", "registrationid", "x-byon-extensions",
                                   "access-control-request-method"};

bool IsUnreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

std::string Encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (IsUnreserved(c)) {
      encoded += c;
    } else {
      char escape[4];
      std::snprintf(escape, sizeof escape, "%%%02X", static_cast<unsigned char>(c));
      encoded += escape;
    }
  }
  return encoded;
}

// libwebsockets keeps each argument as a fragment, decoded.
std::string ReadQuery(lws* wsi) {
  std::string query;
  for (int i = 0;; ++i) {
    const int length = lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i);
    if (length <= 0) break;
    std::string argument(static_cast<size_t>(length) + 1, '\0');
    const int copied = lws_hdr_copy_fragment(wsi, argument.data(), length + 1, WSI_TOKEN_HTTP_URI_ARGS, i);
    if (copied < 0) break;
    argument.resize(static_cast<size_t>(copied));
    const size_t equals = std::min(argument.find('='), argument.size());
    if (!query.empty()) query += '&';
    query += Encoded(argument.substr(0, equals));
    if (equals < argument.size()) query += "=" + Encoded(argument.substr(equals + 1));
  }
  return query;
}

std::optional<std::string> ReadCustom(lws* wsi, const char* name) {
  const std::string key = std::string(name) + ":";
  const int length = lws_hdr_custom_length(wsi, key.c_str(), static_cast<int>(key.size()));
  if (length < 0) return std::nullopt;
  std::string value(static_cast<size_t>(length) + 1, '\0');
  if (lws_hdr_custom_copy(wsi, value.data(), length + 1, key.c_str(), static_cast<int>(key.size())) < 0) {
    return std::nullopt;
  }
  value.resize(static_cast<size_t>(length));
  return value;
}

// A line break in a header would begin another one.
bool IsHeaderText(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool WriteHead(LwsConnection& connection) {
  const api::HttpResponse& response = *connection.response;
  std::array<unsigned char, LWS_PRE + kHeadBytes> buffer;
  unsigned char* const start = buffer.data() + LWS_PRE;
  unsigned char* at = start;
  unsigned char* const end = buffer.data() + buffer.size() - 1;
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!IsHeaderText(name) || !IsHeaderText(value)) return false;
    const std::string key = name + ":";
    return lws_add_http_header_by_name(connection.wsi, reinterpret_cast<const unsigned char*>(key.c_str()),
                                       reinterpret_cast<const unsigned char*>(value.data()),
                                       static_cast<int>(value.size()), &at, end) == 0;
  };
  if (lws_add_http_header_status(connection.wsi,
                                 static_cast<unsigned>(response.status) | LWSAHH_FLAG_NO_SERVER_NAME, &at,
                                 end) != 0) {
    return false;
  }
  for (const auto& [name, value] : response.headers) {
    if (!add(name, value)) return false;
  }
  if (response.status != 204 && response.status != 304 && !add("Content-Length", std::to_string(response.body.size()))) {
    return false;
  }
  if (connection.must_close && !add("Connection", "close")) return false;
  return lws_finalize_write_http_header(connection.wsi, start, &at, end) == 0;
}

}  // namespace

std::optional<std::string> ReadHeader(lws* wsi, lws_token_indexes token) {
  const int length = lws_hdr_total_length(wsi, token);
  if (length == 0) {
    // Present but empty looks like absent in the length; a fragment tells.
    return std::nullopt;
  }
  std::string value(static_cast<size_t>(length) + 64, '\0');  // room for the commas between fragments
  const int copied = lws_hdr_copy(wsi, value.data(), static_cast<int>(value.size()), token);
  if (copied < 0) return std::nullopt;
  value.resize(static_cast<size_t>(copied));
  return value;
}

std::optional<api::HttpRequest> ReadRequest(lws* wsi) {
  api::HttpRequest request;
  for (const Method& method : kMethods) {
    if (lws_hdr_total_length(wsi, method.token) == 0) continue;
    request.method = method.name;
    request.path = ReadHeader(wsi, method.token).value_or("");
    break;
  }
  if (request.method.empty() || !request.path.starts_with('/')) return std::nullopt;
  request.query = ReadQuery(wsi);
  for (const KnownHeader& known : kKnown) {
    if (auto value = ReadHeader(wsi, known.token)) request.headers[known.name] = std::move(*value);
  }
  for (const char* name : kCustom) {
    if (auto value = ReadCustom(wsi, name)) request.headers[name] = std::move(*value);
  }
  return request;
}

WriteOutcome WriteResponse(LwsConnection& connection) {
  const bool has_body = connection.request.method != "HEAD" && !connection.response->body.empty();
  if (!connection.has_sent_headers) {
    if (!WriteHead(connection)) return WriteOutcome::kFailed;
    connection.has_sent_headers = true;
    if (!has_body) return WriteOutcome::kDone;
    return WriteOutcome::kMore;
  }
  const std::string& body = connection.response->body;
  const size_t chunk = std::min(kChunkBytes, body.size() - connection.body_sent);
  std::array<unsigned char, LWS_PRE + kChunkBytes> buffer;
  std::memcpy(buffer.data() + LWS_PRE, body.data() + connection.body_sent, chunk);
  const bool is_last = connection.body_sent + chunk == body.size();
  if (lws_write(connection.wsi, buffer.data() + LWS_PRE, chunk, is_last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0) {
    return WriteOutcome::kFailed;
  }
  connection.body_sent += chunk;
  return is_last ? WriteOutcome::kDone : WriteOutcome::kMore;
}

}  // namespace byon::http
