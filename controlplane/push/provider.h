#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "controlplane/http_client/http_client.h"
#include "controlplane/push/subscription.h"

namespace byon::push {

using Clock = std::function<WallTime()>;

// What a device is to be told while it sleeps.
struct Message {
  std::string
      topic;  // messages of one topic replace each other; up to 32 characters of base64url (RFC 8030 section 5.4)
  std::string text;     // JSON, up to kMaxMessageBytes
  WallTime expires_at;  // of no use afterwards
};

enum class Verdict : uint8_t {
  kAccepted,
  kGone,     // the subscription is dead and will never work again
  kRetry,    // the service is busy or cannot be reached
  kRefused,  // this message or our credentials are not accepted
};
struct Outcome {
  Verdict verdict = Verdict::kRefused;
  std::chrono::seconds retry_after{0};
  std::string why;  // for logs: no keys, no tokens
};

// One kind of push service. On the strand; `done` is called once, unless the provider goes before.
class Provider {
 public:
  virtual ~Provider() = default;
  virtual void Send(const Subscription& to, const Message& message, std::function<void(Outcome)> done) = 0;
};

// What every provider needs to reach its service.
struct ProviderLimits {
  std::chrono::milliseconds timeout{5000};
  std::string ca_file;  // empty: the system's
};

// "status 503", "timeout".
std::string WordsOf(const http_client::Result& result);
// Failures of the network, 408, 429 and 5xx.
bool MayRetry(const http_client::Result& result);
Outcome RetryOf(const http_client::Result& result);
// Whole seconds from now until then, never negative.
std::chrono::seconds SecondsUntil(WallTime then, WallTime now);

}  // namespace byon::push
