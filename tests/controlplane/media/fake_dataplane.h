#pragma once

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "media_control.grpc.pb.h"

namespace byon::media {

// A dataplane without media behind a real gRPC server on loopback. `reply` scripts failures; events
// are pushed by the test. Thread-safe.
class FakeDataplane final : public byon::media::v1::MediaControl::Service {
 public:
  explicit FakeDataplane(std::string name, int port = 0) : name_(std::move(name)) { Start(port); }
  ~FakeDataplane() override { Kill(); }

  void Start(int port) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:" + std::to_string(port), grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    std::lock_guard lock(mutex_);
    is_down_ = false;
    server_ = builder.BuildAndStart();
  }
  void Kill() {
    {
      std::lock_guard lock(mutex_);
      is_down_ = true;
      changed_.notify_all();
    }
    if (server_) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }
  // The process dies and comes back with nothing.
  void Restart() {
    Kill();
    {
      std::lock_guard lock(mutex_);
      sessions.clear();
      ++generation_;
    }
    Start(port_);
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  void Push(byon::media::v1::Event event) {
    std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    changed_.notify_all();
  }
  template <typename F>
  auto Locked(F f) {
    std::lock_guard lock(mutex_);
    return f();
  }

  // Under Locked only.
  std::map<std::string, byon::media::v1::Session> sessions;
  std::vector<std::string> log;
  std::function<grpc::Status(const std::string& command)> reply;
  unsigned capacity = 100;
  bool is_draining = false;
  std::vector<std::string> announcements;
  std::vector<byon::media::v1::ModifySessionRequest> modified;
  std::vector<byon::media::v1::CreateSessionRequest> created;
  int watchers = 0;

  grpc::Status GetNode(grpc::ServerContext*, const byon::media::v1::GetNodeRequest*,
                       byon::media::v1::Node* node) override {
    std::lock_guard lock(mutex_);
    node->set_node_id(name_);
    for (const std::string& name : announcements) node->add_announcements(name);
    node->set_generation(name_ + std::to_string(generation_));
    node->set_session_count(static_cast<unsigned>(sessions.size()));
    node->set_session_capacity(capacity);
    node->set_is_draining(is_draining);
    node->set_lease_seconds(60);
    return grpc::Status::OK;
  }
  grpc::Status CreateSession(grpc::ServerContext*, const byon::media::v1::CreateSessionRequest* request,
                             byon::media::v1::Session* session) override {
    std::lock_guard lock(mutex_);
    if (auto status = Note("create " + request->session_id()); !status.ok()) return status;
    created.push_back(*request);
    session->set_session_id(request->session_id());
    session->set_controller_id(request->controller_id());
    session->mutable_access()->set_ice_ufrag("uf-" + name_);
    session->mutable_ims()->mutable_rtp()->set_ip("198.51.100.1");
    session->mutable_ims()->mutable_rtp()->set_port(20000);
    auto* candidate = session->mutable_access()->add_candidates();
    candidate->set_ip("203.0.113.1");
    candidate->set_port(40000);
    sessions[request->session_id()] = *session;
    return grpc::Status::OK;
  }
  grpc::Status ModifySession(grpc::ServerContext*, const byon::media::v1::ModifySessionRequest* request,
                             byon::media::v1::Session* session) override {
    std::lock_guard lock(mutex_);
    if (auto status = Note("modify " + request->session_id()); !status.ok()) return status;
    auto it = sessions.find(request->session_id());
    if (it == sessions.end()) return {grpc::StatusCode::NOT_FOUND, "no such session"};
    modified.push_back(*request);
    if (request->restart_ice()) it->second.mutable_access()->set_ice_ufrag("restarted");
    *session = it->second;
    return grpc::Status::OK;
  }
  grpc::Status CloseSession(grpc::ServerContext*, const byon::media::v1::CloseSessionRequest* request,
                            byon::media::v1::CloseSessionResponse*) override {
    std::lock_guard lock(mutex_);
    if (auto status = Note("close " + request->session_id()); !status.ok()) return status;
    sessions.erase(request->session_id());
    return grpc::Status::OK;
  }
  grpc::Status ListSessions(grpc::ServerContext*, const byon::media::v1::ListSessionsRequest* request,
                            byon::media::v1::ListSessionsResponse* response) override {
    std::lock_guard lock(mutex_);
    if (auto status = Note("list"); !status.ok()) return status;
    for (const auto& [id, session] : sessions) {
      if (session.controller_id() == request->controller_id()) *response->add_sessions() = session;
    }
    return grpc::Status::OK;
  }
  grpc::Status JoinSessions(grpc::ServerContext*, const byon::media::v1::JoinSessionsRequest* request,
                            byon::media::v1::JoinSessionsResponse*) override {
    std::lock_guard lock(mutex_);
    return Note("join " + request->session_id() + ' ' + request->peer_session_id());
  }
  grpc::Status SendDtmf(grpc::ServerContext*, const byon::media::v1::SendDtmfRequest* request,
                        byon::media::v1::SendDtmfResponse*) override {
    std::lock_guard lock(mutex_);
    return Note("dtmf " + request->digits());
  }
  grpc::Status PlayTone(grpc::ServerContext*, const byon::media::v1::PlayToneRequest* request,
                        byon::media::v1::PlayToneResponse*) override {
    std::lock_guard lock(mutex_);
    return Note("tone " + std::to_string(request->tone()));
  }
  grpc::Status PlayAnnouncement(grpc::ServerContext*, const byon::media::v1::PlayAnnouncementRequest* request,
                                byon::media::v1::PlayAnnouncementResponse*) override {
    std::lock_guard lock(mutex_);
    return Note("announcement " + request->announcement() + (request->loop() ? " loop" : ""));
  }
  grpc::Status GetStats(grpc::ServerContext*, const byon::media::v1::GetStatsRequest* request,
                        byon::media::v1::SessionStats* stats) override {
    std::lock_guard lock(mutex_);
    if (auto status = Note("stats " + request->session_id()); !status.ok()) return status;
    stats->mutable_ims()->set_packets_sent(7);
    stats->mutable_ims()->set_codec("AMR-WB");
    (*stats->mutable_drops())["late"] = 3;
    return grpc::Status::OK;
  }
  grpc::Status GetNodeStats(grpc::ServerContext*, const byon::media::v1::GetNodeStatsRequest*,
                            byon::media::v1::NodeStats* stats) override {
    std::lock_guard lock(mutex_);
    if (auto status = Note("node stats"); !status.ok()) return status;
    stats->set_packets_received(11);
    stats->set_packets_sent(12);
    (*stats->mutable_drops())["late"] = 3;
    stats->add_workers()->set_late_ticks(4);
    stats->add_workers()->set_late_ticks(5);
    return grpc::Status::OK;
  }
  grpc::Status WatchEvents(grpc::ServerContext* context, const byon::media::v1::WatchEventsRequest*,
                           grpc::ServerWriter<byon::media::v1::Event>* writer) override {
    std::unique_lock lock(mutex_);
    ++watchers;
    while (!is_down_ && !context->IsCancelled()) {
      if (events_.empty()) {
        // A cancelled stream is noticed at the next look.
        changed_.wait_for(lock, std::chrono::milliseconds(20));
        continue;
      }
      auto event = std::move(events_.front());
      events_.pop_front();
      lock.unlock();
      writer->Write(event);
      lock.lock();
    }
    --watchers;
    return grpc::Status::OK;
  }

 private:
  grpc::Status Note(const std::string& command) {
    log.push_back(command);
    return reply ? reply(command) : grpc::Status::OK;
  }

  const std::string name_;
  int port_ = 0;
  int generation_ = 1;
  bool is_down_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<byon::media::v1::Event> events_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace byon::media
