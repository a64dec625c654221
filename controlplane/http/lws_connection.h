#pragma once

#include <libwebsockets.h>

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "controlplane/api/http_application.h"

namespace byon::http {

// What the application's strand keeps of a WebSocket; only touched there.
struct StrandSocket {
  std::unique_ptr<api::WebSocketHandler> handler;
  bool is_closed = false;
};

// One connection of libwebsockets; only touched on the service thread.
struct LwsConnection {
  lws* wsi = nullptr;
  uint64_t id = 0;
  std::string address;

  // The request under way.
  uint64_t request_number = 0;  // so that a late answer does not go to the next request
  api::HttpRequest request;
  uint64_t body_length = 0;
  std::chrono::steady_clock::time_point body_deadline;
  bool is_discarding_body = false;
  bool must_close = false;
  std::optional<api::HttpResponse> response;
  bool has_sent_headers = false;
  size_t body_sent = 0;

  // WebSocket.
  bool is_websocket = false;
  std::shared_ptr<StrandSocket> socket;
  std::string incoming;
  std::deque<std::string> outgoing;
  size_t outgoing_bytes = 0;
  std::optional<std::pair<uint16_t, std::string>> closing;
};

// Reads the request's head out of libwebsockets' tables. The path is decoded already; the query is written
// anew with percent signs. Nothing for a method or text that cannot be expressed.
std::optional<api::HttpRequest> ReadRequest(lws* wsi);
// A header's whole text; nothing when absent.
std::optional<std::string> ReadHeader(lws* wsi, lws_token_indexes token);

// Writes what may be written of the response. True: all of it is out.
enum class WriteOutcome { kMore, kDone, kFailed };
WriteOutcome WriteResponse(LwsConnection& connection);

}  // namespace byon::http
