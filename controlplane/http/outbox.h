#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "controlplane/api/http_application.h"

namespace byon::http {

// Names one request or one WebSocket for its life; never used again.
using ExchangeId = uint64_t;

struct SendResponse {
  api::HttpResponse response;
};
struct SendMessage {
  std::string text;
};
struct CloseSocket {
  uint16_t code = 1000;
  std::string reason;
};
struct Outgoing {
  ExchangeId id = 0;
  std::variant<SendResponse, SendMessage, CloseSocket> what;
};

// What other threads want the server's thread to send.
class Outbox {
 public:
  // `wake` makes the server's thread look here; called from any thread.
  explicit Outbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  void Push(Outgoing outgoing);
  std::vector<Outgoing> TakeAll();
  // From now on pushes are dropped and nobody is woken: the server is gone.
  void Close();

 private:
  std::mutex mutex_;
  std::function<void()> wake_;
  std::vector<Outgoing> waiting_;
};

}  // namespace byon::http
