#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "controlplane/media/dataplane_client.h"
#include "controlplane/media/rpc_tracker.h"
#include "media_control.grpc.pb.h"

namespace byon::media {

namespace proto = byon::media::v1;

// The channel to one dataplane: unary commands with a deadline, and the event stream. Outcomes are
// posted to the strand; everything else happens there.
class DataplaneNode {
 public:
  using Post = DataplaneClient::Post;
  using Clock = std::chrono::steady_clock;

  DataplaneNode(const DataplaneClientConfig& config, const DataplaneAddress& address, Post post,
                std::shared_ptr<RpcTracker> tracker);

  // What the client knows of this node; on the strand.
  DataplaneStatus status;
  std::string generation;
  std::set<std::string> announcements;  // that it can play
  bool is_watched = false;              // an event stream is open
  bool is_synchronised = false;         // its sessions were listed since it is reachable
  bool is_probing = false;
  int failures = 0;
  unsigned lease_seconds = 60;
  unsigned pending_sessions = 0;  // asked for since the last count
  Clock::time_point last_contact{};

  // One unary command. `wait_for_ready` lets it outlive a short interruption, up to the deadline.
  template <typename Request, typename Response>
  using Method = void (proto::MediaControl::StubInterface::async_interface::*)(grpc::ClientContext*, const Request*,
                                                                               Response*,
                                                                               std::function<void(grpc::Status)>);
  template <typename Request, typename Response>
  void Send(Method<Request, Response> method, Request request, bool wait_for_ready,
            std::function<void(const grpc::Status&, const Response&)> done);

  // Opens the event stream; `on_event` for each, `on_end` once.
  void Watch(std::function<void(const proto::Event&)> on_event, std::function<void()> on_end);

 private:
  const DataplaneClientConfig& config_;
  Post post_;
  std::shared_ptr<RpcTracker> tracker_;
  std::unique_ptr<proto::MediaControl::Stub> stub_;
};

template <typename Request, typename Response>
void DataplaneNode::Send(Method<Request, Response> method, Request request, bool wait_for_ready,
                         std::function<void(const grpc::Status&, const Response&)> done) {
  struct Call {
    grpc::ClientContext context;
    Request request;
    Response response;
  };
  auto call = std::make_shared<Call>();
  call->request = std::move(request);
  call->context.set_deadline(std::chrono::system_clock::now() + config_.command_timeout);
  call->context.set_wait_for_ready(wait_for_ready);
  if (!tracker_->Begin(&call->context)) return;
  proto::MediaControl::StubInterface::async_interface* stub =
      static_cast<proto::MediaControl::StubInterface*>(stub_.get())->async();
  (stub->*method)(&call->context, &call->request, &call->response,
                  [call, done = std::move(done), post = post_, tracker = tracker_](grpc::Status result) {
                    post([call, done, result = std::move(result)] { done(result, call->response); });
                    tracker->End(&call->context);
                  });
}

}  // namespace byon::media
