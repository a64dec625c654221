#include "dataplane/rpc/event_hub.h"

#include <utility>

namespace byon::rpc {

EventHub::Stream::Outcome EventHub::Stream::Next(std::chrono::milliseconds limit, media::v1::Event& event) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [&] { return !queue_.empty() || is_closed_ || is_overrun_; });
  if (is_overrun_) return Outcome::kOverrun;
  if (!queue_.empty()) {
    event = std::move(queue_.front());
    queue_.pop_front();
    return Outcome::kEvent;
  }
  return is_closed_ ? Outcome::kClosed : Outcome::kTimeout;
}

std::shared_ptr<EventHub::Stream> EventHub::Open(const std::string& controller_id) {
  auto stream = std::make_shared<Stream>();
  const std::lock_guard lock(mutex_);
  stream->is_closed_ = is_shut_down_;
  controllers_[controller_id].streams.push_back(stream);
  return stream;
}

void EventHub::Close(const std::string& controller_id, const std::shared_ptr<Stream>& stream) {
  const std::lock_guard lock(mutex_);
  std::erase(controllers_[controller_id].streams, stream);
}

bool EventHub::IsWatched(const std::string& controller_id) const {
  const std::lock_guard lock(mutex_);
  const auto it = controllers_.find(controller_id);
  return it != controllers_.end() && !it->second.streams.empty();
}

std::vector<std::string> EventHub::Watchers() const {
  std::vector<std::string> watchers;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, controller] : controllers_) {
    if (!controller.streams.empty()) watchers.push_back(id);
  }
  return watchers;
}

void EventHub::Publish(const std::string& controller_id, media::v1::Event event) {
  const std::lock_guard lock(mutex_);
  PublishLocked(controllers_[controller_id], std::move(event));
}

void EventHub::PublishHeartbeats(uint32_t session_count) {
  const std::lock_guard lock(mutex_);
  for (auto& [id, controller] : controllers_) {
    if (controller.streams.empty()) continue;
    media::v1::Event event;
    event.mutable_heartbeat()->set_session_count(session_count);
    PublishLocked(controller, std::move(event));
  }
}

void EventHub::PublishLocked(Controller& controller, media::v1::Event event) {
  event.set_sequence(++controller.last_sequence);
  for (const std::shared_ptr<Stream>& stream : controller.streams) {
    const std::lock_guard lock(stream->mutex_);
    if (stream->queue_.size() >= kMaxQueued) {
      stream->is_overrun_ = true;
      stream->queue_.clear();
    } else if (!stream->is_overrun_) {
      stream->queue_.push_back(event);
    }
    stream->changed_.notify_one();
  }
}

void EventHub::Shutdown() {
  const std::lock_guard lock(mutex_);
  is_shut_down_ = true;
  for (auto& [id, controller] : controllers_) {
    for (const std::shared_ptr<Stream>& stream : controller.streams) {
      const std::lock_guard stream_lock(stream->mutex_);
      stream->is_closed_ = true;
      stream->changed_.notify_one();
    }
  }
}

}  // namespace byon::rpc
