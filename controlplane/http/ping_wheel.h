#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace byon::http {

// Which WebSockets are pinged and which given up, in turns of a second. Those that connect at one moment, as after
// a restart, get places all over the interval, so that their pings never come at one moment. Sans-IO.
class PingWheel {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // When the peer was last heard; nothing: the WebSocket is closed.
  using HeardAt = std::function<std::optional<Time>(uint64_t id)>;
  struct Due {
    std::vector<uint64_t> to_ping;
    std::vector<uint64_t> to_close;
  };

  // A peer that was not heard for half an interval is pinged each interval, and given up after `hang_up` of silence,
  // but never before two pings and a second: nobody is given up who was not asked.
  PingWheel(std::chrono::seconds interval, std::chrono::seconds hang_up, Time start);

  // The first turn of a new one comes after half an interval at the earliest, after a whole one at the latest.
  void Add(uint64_t id);
  // What has become due since the last call. Closed ones are forgotten here.
  Due Advance(Time now, const HeardAt& heard_at);

 private:
  void Place(uint64_t id, size_t turns_ahead);

  const std::chrono::seconds interval_;
  const std::chrono::seconds hang_up_;
  Time turned_at_;
  size_t current_ = 0;
  size_t next_spread_ = 0;
  std::vector<std::vector<uint64_t>> turns_;
};

}  // namespace byon::http
