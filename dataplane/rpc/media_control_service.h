#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/rpc/event_hub.h"
#include "dataplane/rpc/rpc_config.h"
#include "dataplane/rpc/session_directory.h"
#include "dataplane/rpc/worker_client.h"
#include "media_control.grpc.pb.h"

namespace byon::rpc {

namespace proto = ::byon::media::v1;

// MediaControl on this node: checks requests, chooses workers and ports, speaks to the workers'
// mailboxes and remembers what the sessions are called. Requests come on gRPC's threads;
// ServeReports and Housekeep on the control thread.
class MediaControlService final : public proto::MediaControl::Service {
 public:
  static constexpr base::TimeDelta kCommandLimit = base::TimeDelta::Seconds(5);

  // The mailboxes must outlive the service.
  MediaControlService(RpcConfig config, const std::vector<worker::WorkerMailbox*>& mailboxes);

  grpc::Status GetNode(grpc::ServerContext*, const proto::GetNodeRequest*, proto::Node*) override;
  grpc::Status CreateSession(grpc::ServerContext*, const proto::CreateSessionRequest*, proto::Session*) override;
  grpc::Status ModifySession(grpc::ServerContext*, const proto::ModifySessionRequest*, proto::Session*) override;
  grpc::Status CloseSession(grpc::ServerContext*, const proto::CloseSessionRequest*,
                            proto::CloseSessionResponse*) override;
  grpc::Status ListSessions(grpc::ServerContext*, const proto::ListSessionsRequest*,
                            proto::ListSessionsResponse*) override;
  grpc::Status JoinSessions(grpc::ServerContext*, const proto::JoinSessionsRequest*,
                            proto::JoinSessionsResponse*) override;
  grpc::Status SendDtmf(grpc::ServerContext*, const proto::SendDtmfRequest*, proto::SendDtmfResponse*) override;
  grpc::Status PlayTone(grpc::ServerContext*, const proto::PlayToneRequest*, proto::PlayToneResponse*) override;
  grpc::Status PlayAnnouncement(grpc::ServerContext*, const proto::PlayAnnouncementRequest*,
                                proto::PlayAnnouncementResponse*) override;
  grpc::Status GetStats(grpc::ServerContext*, const proto::GetStatsRequest*, proto::SessionStats*) override;
  grpc::Status GetNodeStats(grpc::ServerContext*, const proto::GetNodeStatsRequest*, proto::NodeStats*) override;
  grpc::Status Drain(grpc::ServerContext*, const proto::DrainRequest*, proto::DrainResponse*) override;
  grpc::Status WatchEvents(grpc::ServerContext*, const proto::WatchEventsRequest*,
                           grpc::ServerWriter<proto::Event>*) override;

  // Takes what the workers report. True when there was something.
  bool ServeReports();
  bool has_outstanding() const;
  // Heartbeats when `with_heartbeats`, and the sessions whose controller's lease has run out. About
  // once a second.
  void Housekeep(bool with_heartbeats);
  // Starts closing every session; their ends come by ServeReports.
  void CloseAll(proto::SessionClosed::By by);

  void SetDraining(bool is_draining) {
    is_draining_ = is_draining;
    if (on_draining_) on_draining_();
  }
  bool is_draining() const { return is_draining_; }
  size_t session_count() const { return directory_.size(); }
  // Ends the event streams.
  void Shutdown() { events_.Shutdown(); }
  // Called when draining begins or ends. Set it before the service is served.
  void SetOnDraining(std::function<void()> on_draining) { on_draining_ = std::move(on_draining); }

 private:
  struct Locals {
    net::IpAddress access;
    net::IpAddress ims;
  };
  grpc::Status ChooseLocals(const proto::CreateSessionRequest& request, Locals& locals) const;
  session::SessionConfig MakeConfig(const SessionRecord& record, const Locals& locals);
  grpc::Status Open(const SessionRecordPtr& record, const Locals& locals);
  grpc::Status Apply(SessionRecord& record, session::SessionDescriptions descriptions);
  grpc::Status Join(const std::string& session_id, const std::string& peer_session_id);
  void FillSession(const SessionRecord& record, proto::Session& message) const;
  void LogSession(const SessionRecord& record, const std::string& line) const;
  void HandleEvent(const worker::EventReport& report);
  void FinishClose(const SessionRecordPtr& record, proto::SessionClosed::By by);
  void CloseAsync(const SessionRecordPtr& record, proto::SessionClosed::By by, std::string_view reason);
  // Finds an open session and takes its command lock; a command also renews its controller's lease.
  grpc::Status Acquire(const std::string& session_id, SessionRecordPtr& record, std::unique_lock<std::mutex>& lock,
                       bool renews_lease = true);
  // One command on a session, for its reply.
  grpc::Status Call(SessionRecord& record, worker::CommandBody body, worker::Reply& reply);

  const RpcConfig config_;
  const std::string generation_;
  std::vector<std::unique_ptr<WorkerClient>> workers_;
  SessionDirectory directory_;
  EventHub events_;
  std::atomic<worker::SessionHandle> next_handle_{1};
  std::atomic<bool> is_draining_{false};
  std::function<void()> on_draining_;
};

}  // namespace byon::rpc
