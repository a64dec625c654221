#include "controlplane/media/dataplane_client.h"

#include <set>

#include "controlplane/media/dataplane_pool.h"
#include "controlplane/media/proto_conversion.h"
#include "controlplane/media/session_table.h"

namespace byon::media {
namespace {

using Async = proto::MediaControl::StubInterface::async_interface;

// How long sessions of an earlier process may stay unfound before their calls are given up.
constexpr std::chrono::seconds kAdoptionPatience{10};

std::string TextOf(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE: return "the dataplane cannot be reached";
    case grpc::StatusCode::DEADLINE_EXCEEDED: return "the dataplane did not answer in time";
    default: return status.error_message();
  }
}

bool IsNodeTrouble(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED ||
         status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
}

}  // namespace

// All state lives on the strand; gRPC's threads only post.
class DataplaneClient::Impl : public std::enable_shared_from_this<DataplaneClient::Impl>, private DataplanePool::Owner {
 public:
  Impl(DataplaneClientConfig config, Post post)
      : config_(std::move(config)), post_(std::move(post)), nodes_(std::make_shared<DataplanePool>(config_, post_)) {}

  void Start(call::MediaObserver& observer) {
    observer_ = &observer;
    is_running_ = true;
    nodes_->Start(*this);
  }

  void Stop() {
    is_running_ = false;
    observer_ = nullptr;
    nodes_->Stop();
  }

  std::vector<DataplaneStatus> status() const { return nodes_->status(); }
  bool is_ready() const { return nodes_->Choose({}).has_value(); }

  void CollectLoads(const std::function<void(std::vector<DataplaneLoad>)>& done) {
    struct Collection {
      std::vector<DataplaneLoad> loads;
      size_t missing = 0;
    };
    auto collection = std::make_shared<Collection>();
    for (DataplaneStatus& one : nodes_->status()) {
      DataplaneLoad& load = collection->loads.emplace_back();
      load.status = std::move(one);
      if (load.status.is_reachable) ++collection->missing;
    }
    if (collection->missing == 0) return post_([collection, done] { done(std::move(collection->loads)); });
    for (size_t n = 0; n < collection->loads.size(); ++n) {
      if (!collection->loads[n].status.is_reachable) continue;
      nodes_->at(n).Send<proto::GetNodeStatsRequest, proto::NodeStats>(
          &Async::GetNodeStats, {}, false,
          Guarded<proto::NodeStats>([collection, n, done](const grpc::Status& status, const proto::NodeStats& stats) {
            DataplaneLoad& load = collection->loads[n];
            load.is_known = status.ok();
            load.packets_received = stats.packets_received();
            load.packets_sent = stats.packets_sent();
            for (const auto& worker : stats.workers()) load.late_ticks += worker.late_ticks();
            load.drops = {stats.drops().begin(), stats.drops().end()};
            if (--collection->missing == 0) done(std::move(collection->loads));
          }));
    }
  }

  // ---- commands; one of a session is under way at a time, so that they keep their order

  void Create(const call::CallId& id, call::MediaChange initial) {
    sessions_.Add(id);
    sessions_.Enqueue(id, [this, id, initial = std::move(initial)] { SendCreate(id, initial, {}); });
  }

  void Modify(const call::CallId& id, uint64_t change_id, call::MediaChange change) {
    if (!sessions_.IsOpen(id)) {
      return Later(
          [id, change_id](call::MediaObserver& o) { o.OnMediaRefused(id, change_id, "the media session is gone"); });
    }
    sessions_.Enqueue(id, [this, id, change_id, change = std::move(change)] { SendModify(id, change_id, change); });
  }

  void Join(const call::CallId& id, const call::CallId& peer, std::function<void(std::optional<std::string>)> done) {
    if (!sessions_.IsOpen(id)) return Later([done](auto&) { done("the media session is gone"); });
    auto run = [this, id, peer, done] {
      proto::JoinSessionsRequest request;
      request.set_session_id(id);
      request.set_peer_session_id(peer);
      NodeOf(id)->Send<proto::JoinSessionsRequest, proto::JoinSessionsResponse>(
          &Async::JoinSessions, request, true,
          Guarded<proto::JoinSessionsResponse>([this, id, done](const grpc::Status& status, const auto&) {
            done(status.ok() ? std::nullopt : std::optional(TextOf(status)));
            sessions_.Next(id);
          }));
    };
    sessions_.Enqueue(id, std::move(run), [done] { done("the call has ended"); });
  }

  void Close(const call::CallId& id, const std::string& reason) {
    SessionTable::Session* session = sessions_.Find(id);
    if (!session) return;
    session->is_closing = true;
    // What has not been sent yet is of no interest any more.
    sessions_.DropQueue(id);
    sessions_.Enqueue(id, [this, id, reason] { SendClose(id, reason); });
  }

  void PlayTone(const call::CallId& id, call::Leg leg, call::Tone tone) {
    if (!sessions_.IsOpen(id)) return;
    sessions_.Enqueue(id, [this, id, leg, tone] {
      proto::PlayToneRequest request;
      request.set_session_id(id);
      request.set_leg(ToProto(leg));
      request.set_tone(ToProto(tone));
      // A tone is a comfort: its failure is nobody's failure.
      NodeOf(id)->Send<proto::PlayToneRequest, proto::PlayToneResponse>(
          &Async::PlayTone, request, true,
          Guarded<proto::PlayToneResponse>([this, id](const auto&, const auto&) { sessions_.Next(id); }));
    });
  }

  void Play(const call::CallId& id, call::Playback playback, std::function<void(call::PlayOutcome)> done) {
    if (!sessions_.IsOpen(id)) return Later([done](auto&) { done(call::PlayOutcome::kFailed); });
    auto run = [this, id, playback = std::move(playback), done] {
      const bool is_unknown =
          !playback.announcement.empty() && !NodeOf(id)->announcements.contains(playback.announcement);
      if (is_unknown) {
        done(call::PlayOutcome::kUnknownAnnouncement);
        return sessions_.Next(id);
      }
      // A leg has a place for a tone and one for an announcement: what shall not be heard any more is stopped first.
      SendTone(id, playback.leg, playback.tone, [this, id, playback, done](bool is_good) {
        if (is_good) return SendAnnouncement(id, playback, done);
        done(call::PlayOutcome::kFailed);
        sessions_.Next(id);
      });
    };
    sessions_.Enqueue(id, std::move(run), [done] { done(call::PlayOutcome::kFailed); });
  }

  void SendDtmf(const call::CallId& id, const std::string& digits,
                std::function<void(std::optional<std::string>)> done) {
    if (!sessions_.IsOpen(id)) return Later([done](auto&) { done("The media session is gone."); });
    auto drop = [done] { done("The call has ended."); };
    auto run = [this, id, digits, done] {
      proto::SendDtmfRequest request;
      request.set_session_id(id);
      request.set_leg(proto::LEG_IMS);
      request.set_digits(digits);
      NodeOf(id)->Send<proto::SendDtmfRequest, proto::SendDtmfResponse>(
          &Async::SendDtmf, request, false,
          Guarded<proto::SendDtmfResponse>([this, id, done](const grpc::Status& status, const auto&) {
            done(status.ok() ? std::nullopt : std::optional("The digits were not sent: " + TextOf(status)));
            sessions_.Next(id);
          }));
    };
    sessions_.Enqueue(id, std::move(run), std::move(drop));
  }

  void GetStats(const call::CallId& id, std::function<void(std::optional<call::MediaStats>)> done) {
    DataplaneNode* node = NodeOf(id);
    if (!node) return Later([done](auto&) { done(std::nullopt); });
    proto::GetStatsRequest request;
    request.set_session_id(id);
    node->Send<proto::GetStatsRequest, proto::SessionStats>(
        &Async::GetStats, request, false,
        Guarded<proto::SessionStats>([done](const grpc::Status& status, const proto::SessionStats& stats) {
          done(status.ok() ? std::optional(ToStats(stats)) : std::nullopt);
        }));
  }

  void Adopt(std::vector<call::CallId> calls) {
    is_adopted_ = true;
    adoption_deadline_ = DataplaneNode::Clock::now() + kAdoptionPatience;
    for (const call::CallId& id : calls) sessions_.Add(id).is_sought = true;
    for (size_t n = 0; n < nodes_->size(); ++n) {
      if (nodes_->at(n).status.is_reachable) Synchronise(n);
    }
    GiveUpUnfound();
  }

 private:
  // Runs only while the client does, and keeps it alive.
  template <typename Response, typename F>
  std::function<void(const grpc::Status&, const Response&)> Guarded(F handler) {
    return
        [weak = weak_from_this(), handler = std::move(handler)](const grpc::Status& status, const Response& response) {
          auto self = weak.lock();
          if (self && self->is_running_) handler(status, response);
        };
  }
  void Later(std::function<void(call::MediaObserver&)> tell) {
    post_([weak = weak_from_this(), tell = std::move(tell)] {
      auto self = weak.lock();
      if (self && self->observer_) tell(*self->observer_);
    });
  }

  DataplaneNode* NodeOf(const call::CallId& id) const {
    const SessionTable::Session* session = sessions_.Find(id);
    bool is_placed = session && session->node != SessionTable::kNoNode;
    return is_placed ? &nodes_->at(session->node) : nullptr;
  }

  // The node that has the session, once.
  std::optional<size_t> NodeBeside(const call::CallId& id, const std::set<size_t>& tried) const {
    const SessionTable::Session* session = sessions_.Find(id);
    if (!session || session->node == SessionTable::kNoNode || tried.contains(session->node)) return std::nullopt;
    return session->node;
  }

  void SendCreate(const call::CallId& id, const call::MediaChange& initial, std::set<size_t> tried,
                  const std::string& last_error = "no dataplane can be reached") {
    SessionTable::Session& session = *sessions_.Find(id);
    auto chosen = initial.beside.empty() ? nodes_->Choose(tried) : NodeBeside(initial.beside, tried);
    if (!chosen) {
      sessions_.Erase(id);
      const bool is_alone = !initial.beside.empty() && tried.empty();
      const std::string error = is_alone ? "the call to be placed beside has no media session" : last_error;
      return Later([id, last_error = error](call::MediaObserver& o) { o.OnMediaRefused(id, 0, last_error); });
    }
    session.node = *chosen;
    tried.insert(*chosen);
    ++nodes_->at(*chosen).pending_sessions;
    proto::CreateSessionRequest request;
    request.set_session_id(id);
    request.set_controller_id(config_.controller_id);
    request.set_beside_session_id(initial.beside);
    if (initial.is_ims_ipv6) request.set_ims_family(proto::IP_FAMILY_V6);
    if (initial.access) *request.mutable_access() = ToProto(*initial.access);
    if (initial.ims) *request.mutable_ims() = ToProto(*initial.ims, initial.stream_id, config_.symmetric_rtp);
    nodes_->at(*chosen).Send<proto::CreateSessionRequest, proto::Session>(
        &Async::CreateSession, request, false,
        Guarded<proto::Session>([this, id, initial, tried](const grpc::Status& status, const proto::Session& answer) {
          HandleCreated(id, initial, tried, status, answer);
        }));
  }

  void HandleCreated(const call::CallId& id, const call::MediaChange& initial, const std::set<size_t>& tried,
                     const grpc::Status& status, const proto::Session& answer) {
    SessionTable::Session* session = sessions_.Find(id);
    if (!session) return;
    if (status.ok()) {
      session->is_created = true;
      if (!session->is_closing) observer_->OnMediaReady(id, 0, ToLocals(answer));
      return sessions_.Next(id);
    }
    // It may exist there all the same.
    if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) CloseStray(session->node, id);
    if (session->is_closing) {
      sessions_.Erase(id);
    } else if (IsNodeTrouble(status)) {
      SendCreate(id, initial, tried, TextOf(status));
    } else {
      sessions_.Erase(id);
      observer_->OnMediaRefused(id, 0, TextOf(status));
    }
  }

  void SendModify(const call::CallId& id, uint64_t change_id, const call::MediaChange& change) {
    proto::ModifySessionRequest request;
    request.set_session_id(id);
    request.set_restart_ice(change.restart_ice);
    if (change.access) *request.mutable_access() = ToProto(*change.access);
    if (change.ims) *request.mutable_ims() = ToProto(*change.ims, change.stream_id, config_.symmetric_rtp);
    if (change.access_hold) {
      *request.mutable_access()->mutable_hold_audio() = PlayableOn(id, *change.access_hold);
    }
    if (change.ims_hold) {
      *request.mutable_ims()->mutable_hold_audio() = PlayableOn(id, *change.ims_hold);
    }
    NodeOf(id)->Send<proto::ModifySessionRequest, proto::Session>(
        &Async::ModifySession, request, true,
        Guarded<proto::Session>([this, id, change_id](const grpc::Status& status, const proto::Session& answer) {
          if (sessions_.IsOpen(id)) {
            if (status.ok()) {
              observer_->OnMediaReady(id, change_id, ToLocals(answer));
            } else if (status.error_code() == grpc::StatusCode::NOT_FOUND) {
              return Lose(id, "");
            } else {
              observer_->OnMediaRefused(id, change_id, TextOf(status));
            }
          }
          sessions_.Next(id);
        }));
  }

  void SendTone(const call::CallId& id, call::Leg leg, call::Tone tone, std::function<void(bool)> done) {
    proto::PlayToneRequest request;
    request.set_session_id(id);
    request.set_leg(ToProto(leg));
    request.set_tone(ToProto(tone));
    NodeOf(id)->Send<proto::PlayToneRequest, proto::PlayToneResponse>(
        &Async::PlayTone, request, true,
        Guarded<proto::PlayToneResponse>([done](const grpc::Status& status, const auto&) { done(status.ok()); }));
  }
  void SendAnnouncement(const call::CallId& id, const call::Playback& playback,
                        std::function<void(call::PlayOutcome)> done) {
    DataplaneNode* node = NodeOf(id);
    if (node == nullptr) {
      done(call::PlayOutcome::kFailed);
      return sessions_.Next(id);
    }
    proto::PlayAnnouncementRequest request;
    request.set_session_id(id);
    request.set_leg(ToProto(playback.leg));
    request.set_announcement(playback.announcement);
    request.set_loop(playback.is_looped);
    request.set_playback_id(playback.id);
    node->Send<proto::PlayAnnouncementRequest, proto::PlayAnnouncementResponse>(
        &Async::PlayAnnouncement, request, true,
        Guarded<proto::PlayAnnouncementResponse>([this, id, done](const grpc::Status& status, const auto&) {
          done(status.ok() ? call::PlayOutcome::kDone : call::PlayOutcome::kFailed);
          sessions_.Next(id);
        }));
  }

  // A node that lacks the music plays comfort noise: nobody's call fails for it.
  proto::HoldAudio PlayableOn(const call::CallId& id, call::HoldAudio audio) const {
    const bool is_lacking =
        audio.kind == call::HoldAudio::Kind::kAnnouncement && !NodeOf(id)->announcements.contains(audio.announcement);
    if (is_lacking) audio.kind = call::HoldAudio::Kind::kComfortNoise;
    return ToProto(audio);
  }

  void SendClose(const call::CallId& id, const std::string& reason) {
    DataplaneNode* node = NodeOf(id);
    if (!node) {
      sessions_.Erase(id);
      return;
    }
    proto::CloseSessionRequest request;
    request.set_session_id(id);
    request.set_reason(reason);
    // A close that does not get through is made good when the node's sessions are listed again.
    node->Send<proto::CloseSessionRequest, proto::CloseSessionResponse>(
        &Async::CloseSession, request, true,
        Guarded<proto::CloseSessionResponse>([this, id](const auto&, const auto&) { sessions_.Erase(id); }));
  }

  void CloseStray(size_t node, const call::CallId& id) {
    proto::CloseSessionRequest request;
    request.set_session_id(id);
    request.set_reason("not known to the control plane");
    nodes_->at(node).Send<proto::CloseSessionRequest, proto::CloseSessionResponse>(
        &Async::CloseSession, request, true, [](const grpc::Status&, const proto::CloseSessionResponse&) {});
  }

  void Lose(const call::CallId& id, const std::string& detail) {
    sessions_.Erase(id);
    Later([id, detail](call::MediaObserver& o) { o.OnMediaEnded(id, call::MediaEnd::kSessionLost, detail); });
  }

  // ---- nodes

  void Synchronise(size_t n) {
    nodes_->at(n).is_synchronised = true;
    // Only what was there before the list was asked for can be missed in it.
    std::set<call::CallId> expected;
    for (const auto& [id, session] : sessions_) {
      if (session.node == n && session.is_created) expected.insert(id);
    }
    proto::ListSessionsRequest request;
    request.set_controller_id(config_.controller_id);
    nodes_->at(n).Send<proto::ListSessionsRequest, proto::ListSessionsResponse>(
        &Async::ListSessions, request, false,
        Guarded<proto::ListSessionsResponse>(
            [this, n, expected](const grpc::Status& status, const proto::ListSessionsResponse& list) {
              if (!status.ok()) {
                nodes_->at(n).is_synchronised = false;
                return;
              }
              HandleList(n, expected, list);
            }));
  }

  void HandleList(size_t n, std::set<call::CallId> expected, const proto::ListSessionsResponse& list) {
    asked_.insert(n);
    for (const proto::Session& listed : list.sessions()) {
      const call::CallId& id = listed.session_id();
      expected.erase(id);
      SessionTable::Session* session = sessions_.Find(id);
      bool is_ours = session && (session->is_sought || session->node == n);
      if (!is_ours) {
        CloseStray(n, id);
        continue;
      }
      session->node = n;
      session->is_created = true;
      session->is_sought = false;
      sessions_.Run(id);
      ReportState(id, listed.access_state());
    }
    for (const call::CallId& id : expected) {
      if (sessions_.IsOpen(id) && sessions_.Find(id)->node == n) {
        Lose(id, "the dataplane does not know the session");
      }
    }
    GiveUpUnfound();
  }

  void ReportState(const call::CallId& id, proto::TransportState state) {
    Later([id, state](call::MediaObserver& o) {
      if (state == proto::TRANSPORT_STATE_DTLS_CONNECTED) o.OnAccessConnected(id);
      if (state == proto::TRANSPORT_STATE_CONSENT_LOST) o.OnMediaEnded(id, call::MediaEnd::kConsentLost, "");
      if (state == proto::TRANSPORT_STATE_FAILED) o.OnMediaEnded(id, call::MediaEnd::kDtlsFailed, "");
    });
  }

  void OnReachable(size_t n, bool is_other) override {
    if (is_adopted_ && (is_other || !nodes_->at(n).is_synchronised)) Synchronise(n);
  }
  void OnTick() override { GiveUpUnfound(); }

  void OnSessionsLost(size_t n, const std::string& detail) override {
    std::vector<call::CallId> lost;
    for (const auto& [id, session] : sessions_) {
      if (session.node == n && session.is_created) lost.push_back(id);
    }
    for (const call::CallId& id : lost) Lose(id, detail);
  }

  void GiveUpUnfound() {
    bool is_over =
        is_adopted_ && (asked_.size() == nodes_->size() || DataplaneNode::Clock::now() >= adoption_deadline_);
    if (!is_over) return;
    std::vector<call::CallId> lost;
    for (const auto& [id, session] : sessions_) {
      if (session.is_sought) lost.push_back(id);
    }
    for (const call::CallId& id : lost) Lose(id, "no dataplane knows the session");
  }

  void OnEvent(size_t n, const proto::Event& event) override {
    const call::CallId& id = event.session_id();
    if (!sessions_.IsOpen(id) || sessions_.Find(id)->node != n) return;
    switch (event.event_case()) {
      case proto::Event::kDtlsConnected: return observer_->OnAccessConnected(id);
      case proto::Event::kMediaStarted:
        return observer_->OnMediaStarted(id, FromProto(event.media_started().leg()), event.media_started().stream_id());
      case proto::Event::kDtmf:
        return observer_->OnDtmf(id, FromProto(event.dtmf().leg()), event.dtmf().digit(),
                                 static_cast<int>(event.dtmf().duration_ms()));
      case proto::Event::kMediaTimeout:
        return observer_->OnMediaEnded(id,
                                       event.media_timeout().leg() == proto::LEG_IMS ? call::MediaEnd::kImsTimeout
                                                                                     : call::MediaEnd::kAccessTimeout,
                                       "");
      case proto::Event::kConsentLost: return observer_->OnMediaEnded(id, call::MediaEnd::kConsentLost, "");
      case proto::Event::kSessionFailed:
        return observer_->OnMediaEnded(id, ToMediaEnd(event.session_failed().cause()), event.session_failed().detail());
      case proto::Event::kSessionClosed:
        if (event.session_closed().by() != proto::SessionClosed::BY_CONTROLLER) {
          Lose(id, "the dataplane closed the session");
        }
        return;
      default: return;
    }
  }

  const DataplaneClientConfig config_;
  const Post post_;
  const std::shared_ptr<DataplanePool> nodes_;
  SessionTable sessions_{post_};
  std::set<size_t> asked_;  // nodes that have listed their sessions at least once
  DataplaneNode::Clock::time_point adoption_deadline_{};
  call::MediaObserver* observer_ = nullptr;
  bool is_running_ = false;
  bool is_adopted_ = false;
};

DataplaneClient::DataplaneClient(DataplaneClientConfig config, Post post)
    : impl_(std::make_shared<Impl>(std::move(config), std::move(post))) {}
DataplaneClient::~DataplaneClient() { Stop(); }
void DataplaneClient::Start(call::MediaObserver& observer) { impl_->Start(observer); }
void DataplaneClient::Stop() { impl_->Stop(); }
std::vector<DataplaneStatus> DataplaneClient::status() const { return impl_->status(); }
bool DataplaneClient::is_ready() const { return impl_->is_ready(); }
void DataplaneClient::CollectLoads(std::function<void(std::vector<DataplaneLoad>)> done) {
  impl_->CollectLoads(std::move(done));
}
void DataplaneClient::Create(const call::CallId& id, call::MediaChange initial) {
  impl_->Create(id, std::move(initial));
}
void DataplaneClient::Modify(const call::CallId& id, uint64_t change_id, call::MediaChange change) {
  impl_->Modify(id, change_id, std::move(change));
}
void DataplaneClient::Join(const call::CallId& id, const call::CallId& peer,
                           std::function<void(std::optional<std::string>)> done) {
  impl_->Join(id, peer, std::move(done));
}
void DataplaneClient::Close(const call::CallId& id, const std::string& reason) { impl_->Close(id, reason); }
void DataplaneClient::PlayTone(const call::CallId& id, call::Leg leg, call::Tone tone) {
  impl_->PlayTone(id, leg, tone);
}
void DataplaneClient::Play(const call::CallId& id, call::Playback playback,
                           std::function<void(call::PlayOutcome)> done) {
  impl_->Play(id, std::move(playback), std::move(done));
}
void DataplaneClient::SendDtmf(const call::CallId& id, const std::string& digits,
                               std::function<void(std::optional<std::string>)> done) {
  impl_->SendDtmf(id, digits, std::move(done));
}
void DataplaneClient::GetStats(const call::CallId& id, std::function<void(std::optional<call::MediaStats>)> done) {
  impl_->GetStats(id, std::move(done));
}
void DataplaneClient::Adopt(std::vector<call::CallId> calls) { impl_->Adopt(std::move(calls)); }

}  // namespace byon::media
