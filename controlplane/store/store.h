#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace byon::store {

enum class Kind : uint8_t {
  kRegistration, kCall, kSubscription, kChannel, kTokenBinding, kMessage, kWatch, kWebhookEvent, kCallTrace,
  kVisitorToken, kIssuerKeys
};
// Every kind that there is.
inline constexpr std::array kKinds{Kind::kRegistration, Kind::kCall,    Kind::kSubscription, Kind::kChannel,
                                   Kind::kTokenBinding, Kind::kMessage, Kind::kWatch,        Kind::kWebhookEvent,
                                   Kind::kCallTrace,    Kind::kVisitorToken, Kind::kIssuerKeys};

struct Record {
  std::string key;
  std::string value;
  std::optional<std::chrono::system_clock::time_point> expires_at;
};

// Small records by kind and key, with an expiry: all state that must outlive the process. Writes are
// ordered, never block the caller on a disk or a network and are durable against the death of this
// process once Flush() returns. Values are opaque.
class Store {
 public:
  virtual ~Store() = default;
  virtual void Put(Kind kind, std::string_view key, std::string_view value,
                   std::optional<std::chrono::system_clock::time_point> expires_at) = 0;
  virtual void Delete(Kind kind, std::string_view key) = 0;
  // All unexpired records of a kind; blocks, so for start-up only.
  [[nodiscard]] virtual std::vector<Record> LoadAll(Kind kind) = 0;
  // Blocks until every earlier write is safe.
  virtual void Flush() = 0;
  // Calls `done` when every earlier write is safe, now or later, on any thread.
  virtual void AfterWrites(std::function<void()> done) {
    Flush();
    done();
  }
};

}  // namespace byon::store
