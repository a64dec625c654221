#pragma once

#include <grpcpp/alarm.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controlplane/media/dataplane_node.h"

namespace byon::media {

// The nodes of the configuration: which can be reached, which has room, which was restarted. Probes each, watches its
// events, and tries again what is away. On the strand, like its owner.
class DataplanePool : public std::enable_shared_from_this<DataplanePool> {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // After each probe that was answered; `is_other` when the node was not reachable before, or is another process.
    virtual void OnReachable(size_t n, bool is_other) = 0;
    // The node was restarted, or could not be reached for longer than its sessions live without us.
    virtual void OnSessionsLost(size_t n, const std::string& detail) = 0;
    // Of a session.
    virtual void OnEvent(size_t n, const proto::Event& event) = 0;
    virtual void OnTick() = 0;
  };

  DataplanePool(const DataplaneClientConfig& config, DataplaneNode::Post post);

  void Start(Owner& owner);
  // Waits for gRPC's own threads; nothing is told any more.
  void Stop();

  size_t size() const { return nodes_.size(); }
  DataplaneNode& at(size_t n) const { return *nodes_[n].node; }
  std::vector<DataplaneStatus> status() const;
  // The reachable node with the most room that is not in `tried`.
  std::optional<size_t> Choose(const std::set<size_t>& tried) const;

 private:
  struct Entry {
    std::unique_ptr<DataplaneNode> node;
    DataplaneNode::Clock::time_point last_probe{};
  };

  void SetTick();
  void Tick();
  void Probe(size_t n);
  void HandleNode(size_t n, const proto::Node& answer);
  void Watch(size_t n);
  void HandleEvent(size_t n, const proto::Event& event);
  void HandleUnreachable(size_t n);
  // Runs only between Start and Stop.
  template <typename F>
  auto Guarded(F handler);

  const DataplaneClientConfig& config_;
  const DataplaneNode::Post post_;
  const std::shared_ptr<RpcTracker> tracker_ = std::make_shared<RpcTracker>();
  std::vector<Entry> nodes_;
  Owner* owner_ = nullptr;  // null unless running
  std::unique_ptr<grpc::Alarm> tick_;
};

}  // namespace byon::media
