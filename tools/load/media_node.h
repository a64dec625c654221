#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "media_control.grpc.pb.h"
#include "tools/load/media_engine.h"
#include "tools/load/node_address.h"
#include "tools/load/profile.h"

namespace byon::load {

namespace proto = byon::media::v1;

// The gateway's dataplane as its control plane sees it. Answers come on gRPC's threads.
class MediaNode {
 public:
  // What the gateway told of its own accord.
  struct Events {
    uint64_t session_failed = 0, media_timeout = 0, consent_lost = 0;
  };
  template <typename Answer>
  using Done = std::function<void(const grpc::Status&, const Answer&)>;

  // Throws std::runtime_error when a file cannot be read.
  explicit MediaNode(const NodeAddress& address);
  // Waits for what is under way.
  ~MediaNode();
  MediaNode(const MediaNode&) = delete;

  // The node itself; the error is a sentence.
  base::Result<proto::Node, std::string> GetNode();
  std::optional<proto::NodeStats> GetNodeStats();
  // Renews the lease and counts events from now on.
  void Watch();
  Events events() const;

  void Create(const std::string& session_id, bool is_v6, const proto::AccessRemote& access,
              Done<proto::Session> done);
  void Modify(const std::string& session_id, const proto::ImsRemote& ims,
              Done<proto::Session> done);
  void GetStats(const std::string& session_id, Done<proto::SessionStats> done);
  void Close(const std::string& session_id, Done<proto::CloseSessionResponse> done);
  // Returns when no command is under way any more: then no answer comes either.
  void WaitForAll();
  const std::string& controller_id() const { return controller_id_; }

 private:
  class Pending;
  template <typename Request, typename Answer, typename Method>
  void Send(Method method, Request request, Done<Answer> done);
  void ReadEvents();

  std::string target_;
  std::string controller_id_;
  std::unique_ptr<proto::MediaControl::Stub> stub_;
  std::shared_ptr<Pending> pending_;
  grpc::ClientContext watch_context_;
  std::thread watcher_;
  mutable std::mutex mutex_;
  Events events_;
};

// The descriptions of a call's remote ends.
proto::AccessRemote DescribeBrowser(const Profile& profile, const IceCredentials& ice,
                                    const dtls::DtlsFingerprint& fingerprint);
proto::ImsRemote DescribePhone(const PhoneCodecShare& codec, const MediaEngine::Sockets& sockets);

// Puts the gateway's ends into a call's setup; the error is a sentence.
std::optional<std::string> TakeGatewayEnds(const proto::Session& session, CallSetup& setup);

}  // namespace byon::load
