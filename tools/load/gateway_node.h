#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "media_control.grpc.pb.h"
#include "tools/load/media_node.h"
#include "tools/load/node_address.h"
#include "tools/load/pending_count.h"
#include "tools/load/profile.h"

namespace byon::load {

namespace proto = byon::media::v1;

// The gateway's dataplane as its control plane sees it (gRPC).
class GatewayNode final : public MediaNode {
 public:
  // Throws std::runtime_error when a file cannot be read.
  GatewayNode(const NodeAddress& address, const Profile& profile);
  // Waits for what is under way.
  ~GatewayNode() override;
  GatewayNode(const GatewayNode&) = delete;

  base::Result<NodeDescription, std::string> Describe() override;
  std::optional<std::vector<WorkerUse>> ReadWorkers() override;
  // Renews the lease too.
  void Watch() override;
  NodeEvents events() const override;
  void SetUp(const CallRequest& request, Done<NodeEnds> done) override;
  void Ask(const std::string& id, Done<CallFigures> done) override;
  void Close(const std::string& id, Done<CallFigures> done) override;
  void WaitForAll() override { pending_->WaitForNone(); }
  const std::string& controller_id() const override { return controller_id_; }

 private:
  template <typename Answer>
  using Answered = std::function<void(const grpc::Status&, const Answer&)>;

  template <typename Request, typename Answer, typename Method>
  void Send(Method method, Request request, Answered<Answer> done);
  void ReadEvents();

  Profile profile_;
  std::string target_;
  std::string controller_id_;
  std::unique_ptr<proto::MediaControl::Stub> stub_;
  std::shared_ptr<PendingCount> pending_ = std::make_shared<PendingCount>();
  grpc::ClientContext watch_context_;
  std::thread watcher_;
  mutable std::mutex mutex_;
  NodeEvents events_;
};

}  // namespace byon::load
