#pragma once

#include <cstddef>
#include <string>

#include "controlplane/api/http_application.h"

struct lws;

namespace byon::http {

// Writes one response in the pieces that the library takes.
class ResponseWriter {
 public:
  ResponseWriter(api::HttpResponse response, bool is_head, bool closes_connection);

  enum class Progress { kMore, kDone, kFailed };
  // Called when the connection can be written to.
  [[nodiscard]] Progress Write(lws* connection);
  bool closes_connection() const { return closes_connection_; }

 private:
  [[nodiscard]] bool WriteHeaders(lws* connection);

  api::HttpResponse response_;
  bool is_head_;
  bool closes_connection_;
  bool headers_written_ = false;
  size_t body_written_ = 0;
};

}  // namespace byon::http
