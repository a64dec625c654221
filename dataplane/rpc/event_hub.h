#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "media_control.pb.h"

namespace byon::rpc {

// Brings events to the streams of the controllers that they concern. Numbers them per controller,
// one by one, heartbeats included, so that a reader sees a gap. Any thread.
class EventHub {
 public:
  static constexpr size_t kMaxQueued = 8192;

  // One open WatchEvents.
  class Stream {
   public:
    enum class Outcome : uint8_t { kEvent, kTimeout, kOverrun, kClosed };
    // Waits for the next event. kOverrun: the reader was too slow and has lost events; the stream
    // ends.
    Outcome Next(std::chrono::milliseconds limit, media::v1::Event& event);

   private:
    friend class EventHub;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<media::v1::Event> queue_;
    bool is_overrun_ = false;
    bool is_closed_ = false;
  };

  std::shared_ptr<Stream> Open(const std::string& controller_id);
  void Close(const std::string& controller_id, const std::shared_ptr<Stream>& stream);
  bool IsWatched(const std::string& controller_id) const;
  // Controllers with an open stream.
  std::vector<std::string> Watchers() const;

  void Publish(const std::string& controller_id, media::v1::Event event);
  void PublishHeartbeats(uint32_t session_count);
  // Ends all streams.
  void Shutdown();

 private:
  struct Controller {
    uint64_t last_sequence = 0;
    std::vector<std::shared_ptr<Stream>> streams;
  };
  void PublishLocked(Controller& controller, media::v1::Event event);

  mutable std::mutex mutex_;
  std::map<std::string, Controller> controllers_;
  bool is_shut_down_ = false;
};

}  // namespace byon::rpc
