#pragma once

#include <libwebsockets.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "controlplane/api/http_application.h"
#include "controlplane/http/body_budget.h"
#include "controlplane/http/outbox.h"
#include "controlplane/http/response_writer.h"

namespace byon::http {

// One request and its answer, from the headers to the last byte.
struct Exchange {
  ExchangeId id = 0;
  lws* connection = nullptr;
  api::HttpRequest request;
  std::string scheme;                     // how the client came, where a proxy said so
  size_t body_bytes = 0;                  // announced
  std::shared_ptr<BodyShare> body_share;  // null: it has no body
  bool is_dispatched = false;
  bool closes_connection = false;
  std::chrono::steady_clock::time_point body_deadline;
  std::chrono::steady_clock::time_point write_deadline;
  std::unique_ptr<ResponseWriter> writer;
};

// An error that is said before the application could, in CAMARA's words.
inline api::HttpResponse ErrorResponse(int status, const std::string& code, const std::string& message) {
  return {status,
          {{"content-type", "application/json"}},
          "{\"status\":" + std::to_string(status) + ",\"code\":\"" + code + "\",\"message\":\"" + message + "\"}"};
}

}  // namespace byon::http
