#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "controlplane/registration/registration_registry.h"

// A registry, a clock that the test moves, and a network that answers when the test says so.
namespace byon::registration {

using namespace std::chrono_literals;

class Harness {
 public:
  explicit Harness(RegistrationConfig config = {}) : registry(config, 1) {}

  Now now{SteadyTime(1h), WallTime(std::chrono::hours(500000))};
  RegistrationRegistry registry;
  std::vector<Action> actions;

  void Drain() {
    while (auto action = registry.PollAction()) actions.push_back(std::move(*action));
  }
  template <typename T>
  std::optional<T> Take() {
    Drain();
    for (auto it = actions.begin(); it != actions.end(); ++it) {
      if (auto* found = std::get_if<T>(&*it)) {
        T result = std::move(*found);
        actions.erase(it);
        return result;
      }
    }
    return std::nullopt;
  }
  std::string Outcome() {
    auto done = Take<CompleteRequest>();
    if (!done) return "pending";
    if (auto* refusal = std::get_if<Refusal>(&done->outcome)) {
      kind = refusal->kind;
      return refusal->message;
    }
    return "ok";
  }
  void Create(const std::string& id = "r1", std::optional<std::chrono::seconds> expiry = {},
              RegistrationOwner owner = {"client", "user", "+34600000001", "device"}) {
    CreateRequest request;
    request.id = id;
    request.contact_token = "token-" + id;
    request.owner = std::move(owner);
    request.impu = "sip:" + request.owner.phone_number + "@ims.example";
    request.impi = request.owner.phone_number + "@ims.example";
    if (expiry) request.expire_time = now.wall + *expiry;
    request.token_expires_at = now.wall + 24h;
    registry.Create(std::move(request), 7, now);
  }
  void Registered(std::chrono::seconds granted = 7200s, const std::string& id = "r1") {
    SipRegistered registered;
    registered.expires = granted;
    registered.next_hop = "sip:10.0.0.1:5060;lr";
    registered.service_route = {"<sip:orig@scscf;lr>"};
    registered.associated_uris = {"sip:+34600000001@ims.example"};
    registered.snapshot = "s";
    registry.OnRegistered(id, registered, now);
  }
  void Start(std::chrono::seconds granted = 7200s, std::optional<std::chrono::seconds> expiry = {}) {
    Create("r1", expiry);
    Registered(granted);
    Drain();
    actions.clear();
  }
  void Fail(int code, std::optional<std::chrono::seconds> retry_after = {}, bool is_final = false) {
    registry.OnRegisterFailed("r1", {code, "Phrase", retry_after, is_final}, now);
  }
  void Advance(std::chrono::milliseconds time) {
    now.steady += time;
    now.wall += time;
    registry.HandleTimeout(now);
  }
  // Moves on to the next deadline and tells how long that was.
  std::chrono::seconds Next() {
    const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(registry.NextDeadline() - now.steady);
    Advance(wait);
    return std::chrono::duration_cast<std::chrono::seconds>(wait);
  }
  RefusalKind kind{};
};

// So many REGISTERs in each second from now on, of a network that grants at once; the clock runs as the deadlines come.
inline std::vector<int> RefreshesEachSecond(Harness& h, std::chrono::seconds time, std::chrono::seconds granted) {
  std::vector<int> counts(static_cast<size_t>(time.count()));
  const SteadyTime start = h.now.steady;
  while (h.registry.NextDeadline() < start + time) {
    h.Advance(
        std::max(std::chrono::duration_cast<std::chrono::milliseconds>(h.registry.NextDeadline() - h.now.steady), 0ms) +
        1ms);
    while (auto action = h.registry.PollAction()) {
      const auto* sent = std::get_if<SendRegister>(&*action);
      if (sent == nullptr) continue;
      const auto second = static_cast<size_t>((h.now.steady - start) / 1s);
      if (second < counts.size()) ++counts[second];
      h.Registered(granted, sent->registration.id);
    }
  }
  return counts;
}

// A storm: all of them within ten seconds.
inline std::vector<RegistrationRecord> Storm(Harness& h, int count, std::chrono::seconds granted) {
  for (int i = 0; i < count; ++i) {
    const std::string number = "+3460000" + std::to_string(1000 + i);
    h.Create("r" + number, 80000s, {"client", "user" + number, number, "device"});
    h.Registered(granted, "r" + number);
    h.Advance(std::chrono::milliseconds(10'000 / count));
    h.Drain();
    h.actions.clear();
  }
  std::vector<RegistrationRecord> records;
  h.registry.ForEach([&](const RegistrationRecord& record) { records.push_back(record); });
  return records;
}

}  // namespace byon::registration
