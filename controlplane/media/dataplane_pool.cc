#include "controlplane/media/dataplane_pool.h"

#include <algorithm>
#include <utility>

namespace byon::media {
namespace {

using Async = proto::MediaControl::StubInterface::async_interface;
using Clock = DataplaneNode::Clock;

}  // namespace

DataplanePool::DataplanePool(const DataplaneClientConfig& config, DataplaneNode::Post post)
    : config_(config), post_(std::move(post)) {
  for (const DataplaneAddress& address : config.dataplanes) {
    nodes_.push_back({std::make_unique<DataplaneNode>(config_, address, post_, tracker_)});
  }
}

void DataplanePool::Start(Owner& owner) {
  owner_ = &owner;
  for (size_t n = 0; n < nodes_.size(); ++n) Probe(n);
  SetTick();
}

void DataplanePool::Stop() {
  owner_ = nullptr;
  tick_.reset();
  tracker_->Stop();
}

std::vector<DataplaneStatus> DataplanePool::status() const {
  std::vector<DataplaneStatus> result;
  for (const Entry& entry : nodes_) result.push_back(entry.node->status);
  return result;
}

std::optional<size_t> DataplanePool::Choose(const std::set<size_t>& tried) const {
  std::optional<size_t> best;
  int64_t best_room = 0;
  for (size_t n = 0; n < nodes_.size(); ++n) {
    const DataplaneStatus& status = at(n).status;
    if (!status.is_reachable || status.is_draining || tried.contains(n)) continue;
    const int64_t room = int64_t{status.session_capacity} - status.session_count - at(n).pending_sessions;
    if (!best || room > best_room) {
      best = n;
      best_room = room;
    }
  }
  return best;
}

template <typename F>
auto DataplanePool::Guarded(F handler) {
  return [weak = weak_from_this(), handler = std::move(handler)](const auto&... values) {
    const auto self = weak.lock();
    if (self && self->owner_ != nullptr) handler(values...);
  };
}

// ---- time

void DataplanePool::SetTick() {
  if (!tracker_->BeginTimer()) return;
  // A new one each time: setting an alarm whose callback has not quite returned destroys it.
  tick_ = std::make_unique<grpc::Alarm>();
  tick_->Set(std::chrono::system_clock::now() + config_.reconnect_min,
             [tick = Guarded([this] { Tick(); }), post = post_, tracker = tracker_](bool is_due) {
               if (is_due) post(tick);
               tracker->EndTimer();
             });
}

void DataplanePool::Tick() {
  const auto now = Clock::now();
  for (size_t n = 0; n < nodes_.size(); ++n) {
    DataplaneNode& node = at(n);
    auto wait = config_.probe_interval;
    if (!node.status.is_reachable) {
      wait = std::min(config_.reconnect_max, config_.reconnect_min * (1 << std::min(node.failures, 10)));
    }
    if (!node.is_probing && now >= nodes_[n].last_probe + wait) Probe(n);
    const bool is_lease_over =
        node.last_contact != Clock::time_point{} && now > node.last_contact + std::chrono::seconds(node.lease_seconds);
    if (!node.status.is_reachable && is_lease_over) owner_->OnSessionsLost(n, "the dataplane is gone");
  }
  owner_->OnTick();
  SetTick();
}

// ---- what a node is like

void DataplanePool::Probe(size_t n) {
  at(n).is_probing = true;
  nodes_[n].last_probe = Clock::now();
  at(n).Send<proto::GetNodeRequest, proto::Node>(
      &Async::GetNode, {}, false, Guarded([this, n](const grpc::Status& status, const proto::Node& answer) {
        at(n).is_probing = false;
        status.ok() ? HandleNode(n, answer) : HandleUnreachable(n);
      }));
}

void DataplanePool::HandleNode(size_t n, const proto::Node& answer) {
  DataplaneNode& node = at(n);
  const bool is_other_process = !node.generation.empty() && node.generation != answer.generation();
  node.failures = 0;
  node.last_contact = Clock::now();
  node.generation = answer.generation();
  node.announcements = {answer.announcements().begin(), answer.announcements().end()};
  if (answer.lease_seconds() != 0) node.lease_seconds = answer.lease_seconds();
  const bool was_reachable = std::exchange(node.status.is_reachable, true);
  node.status.node_id = answer.node_id();
  node.status.is_draining = answer.is_draining();
  node.status.session_count = answer.session_count();
  node.status.session_capacity = answer.session_capacity();
  node.pending_sessions = 0;
  if (is_other_process) owner_->OnSessionsLost(n, "the dataplane was restarted");
  if (!node.is_watched) Watch(n);
  owner_->OnReachable(n, !was_reachable || is_other_process);
}

void DataplanePool::Watch(size_t n) {
  at(n).is_watched = true;
  // What happened while nobody watched.
  at(n).is_synchronised = false;
  at(n).Watch(Guarded([this, n](const proto::Event& event) { HandleEvent(n, event); }), Guarded([this, n] {
                at(n).is_watched = false;
                HandleUnreachable(n);
              }));
}

void DataplanePool::HandleEvent(size_t n, const proto::Event& event) {
  at(n).last_contact = Clock::now();
  if (event.event_case() != proto::Event::kHeartbeat) return owner_->OnEvent(n, event);
  at(n).status.session_count = event.heartbeat().session_count();
}

void DataplanePool::HandleUnreachable(size_t n) {
  at(n).status.is_reachable = false;
  at(n).is_synchronised = false;
  ++at(n).failures;
}

}  // namespace byon::media
