#pragma once

#include <libwebsockets.h>

#include <cstdint>
#include <vector>

#include "controlplane/http/http_server.h"

namespace byon::http {

// The library's context: one listener, one callback for HTTP and for each subprotocol. Closed with whatever it still
// holds.
class LibraryContext {
 public:
  // `callback` is called on the thread that runs `loop` (libev's); `per_connection_bytes`: zeroed memory with each
  // connection. Throws std::runtime_error with one sentence when the address cannot be listened on. `config` and `user`
  // outlive this.
  LibraryContext(const HttpServerConfig& config, void* loop, lws_callback_function* callback,
                 size_t per_connection_bytes, void* user);
  ~LibraryContext() { Close(); }
  LibraryContext(const LibraryContext&) = delete;
  LibraryContext& operator=(const LibraryContext&) = delete;

  void Close();
  lws_context* get() const { return context_; }
  uint16_t port() const { return port_; }

 private:
  std::vector<lws_protocols> protocols_;  // ends with an empty one; the library keeps its address
  // All zero: the library pings nobody. Its timers are one sorted list, walked from the start for each new one.
  lws_retry_bo_t retry_ = {};
  lws_context* context_ = nullptr;
  uint16_t port_ = 0;
};

}  // namespace byon::http
