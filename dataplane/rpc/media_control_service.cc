#include "dataplane/rpc/media_control_service.h"

#include <algorithm>
#include <utility>

#include "dataplane/rpc/proto_conversion.h"
#include "dataplane/rpc/proto_report.h"
#include "dataplane/rpc/random_text.h"
#include "dataplane/rpc/status.h"

namespace byon::rpc {
namespace {

using grpc::Status;
using grpc::StatusCode;

constexpr std::chrono::milliseconds kWatchPoll{500};  // how soon a cancelled stream is noticed
// Host candidate, only address, component 1: RFC 8445 section 5.1.2.1.
constexpr uint32_t kCandidatePriority = 126u << 24 | 65535u << 8 | 255u;

}  // namespace

MediaControlService::MediaControlService(RpcConfig config, const std::vector<worker::WorkerMailbox*>& mailboxes)
    : config_(std::move(config)),
      generation_(RandomText(16)),
      directory_(config_.first_port, config_.last_port, mailboxes.size(), config_.sessions_per_worker) {
  for (worker::WorkerMailbox* mailbox : mailboxes) {
    workers_.push_back(std::make_unique<WorkerClient>(*mailbox));
  }
}

Status MediaControlService::Call(SessionRecord& record, worker::CommandBody body, worker::Reply& reply) {
  worker::Command command;
  command.session = record.config.handle;
  command.body = std::move(body);
  auto answer = workers_[record.worker]->Call(std::move(command), kCommandLimit);
  if (!answer) return {StatusCode::UNAVAILABLE, "the worker does not answer"};
  reply = std::move(*answer);
  return StatusOf(reply.status);
}

Status MediaControlService::Acquire(const std::string& session_id, SessionRecordPtr& record,
                                    std::unique_lock<std::mutex>& lock, bool renews_lease) {
  if (auto valid = CheckSessionId(session_id); !valid) return Invalid(valid.error());
  record = directory_.Find(session_id);
  if (record == nullptr) return {StatusCode::NOT_FOUND, "no session " + session_id};
  lock = std::unique_lock(record->command_mutex);
  if (!record->is_open) return {StatusCode::NOT_FOUND, "no session " + session_id};
  if (renews_lease) directory_.Touch(record->controller_id);
  return Status::OK;
}

Status MediaControlService::GetNode(grpc::ServerContext*, const proto::GetNodeRequest*, proto::Node* node) {
  node->set_node_id(config_.node_id);
  node->set_generation(generation_);
  node->set_version(config_.version);
  node->set_worker_count(static_cast<uint32_t>(workers_.size()));
  node->set_session_count(static_cast<uint32_t>(directory_.size()));
  node->set_session_capacity(static_cast<uint32_t>(directory_.capacity()));
  node->set_is_draining(is_draining_);
  node->set_lease_seconds(static_cast<uint32_t>(config_.lease.seconds()));
  if (config_.announcements != nullptr) {
    for (const auto& [name, clip] : *config_.announcements) node->add_announcements(name);
  }
  return Status::OK;
}

void MediaControlService::FillSession(const SessionRecord& record, proto::Session& message) const {
  directory_.Access([&] {
    const session::SessionConfig& config = record.config;
    message.set_session_id(record.id);
    message.set_controller_id(record.controller_id);
    message.set_worker(static_cast<uint32_t>(record.worker));
    proto::AccessLocal& access = *message.mutable_access();
    access.set_ice_ufrag(config.access.ice.ufrag);
    access.set_ice_pwd(config.access.ice.pwd);
    proto::IceCandidate& candidate = *access.add_candidates();
    const net::IpAddress& local = config.access.address.ip;
    const auto& advertised = local.is_v4() ? config_.access.advertised_v4 : config_.access.advertised_v6;
    candidate.set_ip(advertised.value_or(local).ToString());
    candidate.set_port(config.access.address.port);
    candidate.set_priority(kCandidatePriority);
    candidate.set_foundation("1");
    access.mutable_fingerprint()->set_algorithm(std::string(dtls::AlgorithmName(config_.fingerprint.algorithm)));
    access.mutable_fingerprint()->set_value(config_.fingerprint.ToText());
    access.set_ssrc(config.access.ssrc);
    access.set_cname(config.cname);
    proto::ImsLocal& ims = *message.mutable_ims();
    const auto& advertised_ims = config.ims.rtp.ip.is_v4() ? config_.ims.advertised_v4 : config_.ims.advertised_v6;
    const net::IpAddress ims_ip = advertised_ims.value_or(config.ims.rtp.ip);
    ToProto({ims_ip, config.ims.rtp.port}, *ims.mutable_rtp());
    ToProto({ims_ip, config.ims.rtcp.port}, *ims.mutable_rtcp());
    ims.set_ssrc(config.ims.ssrc);
    ims.set_cname(config.cname);
    message.set_has_access_remote(record.has_access_remote);
    message.set_has_ims_remote(record.has_ims_remote);
    const auto age = Clock::now() - record.created;
    message.set_age_ms(static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(age).count()));
    message.set_access_state(ToProto(record.state.load()));
  });
}

Status MediaControlService::CloseSession(grpc::ServerContext*, const proto::CloseSessionRequest* request,
                                         proto::CloseSessionResponse* response) {
  SessionRecordPtr record;
  std::unique_lock<std::mutex> lock;
  const Status found = Acquire(request->session_id(), record, lock);
  if (found.error_code() == StatusCode::NOT_FOUND) return Status::OK;
  if (!found.ok()) return found;
  worker::Reply reply;
  Status status = Call(*record,
                       worker::CloseSession{.reason = session::ShortText(request->reason()),
                                            .stats = std::make_unique<session::SessionStats>(),
                                            .session = nullptr},
                       reply);
  if (!status.ok() && status.error_code() != StatusCode::NOT_FOUND) return status;
  response->set_existed(true);
  response->mutable_final_stats()->set_session_id(record->id);
  if (const auto* closed = std::get_if<worker::CloseSession>(&reply.command.body);
      closed != nullptr && closed->stats != nullptr) {
    ToProto(*closed->stats, *response->mutable_final_stats());
  }
  FinishClose(record, proto::SessionClosed::BY_CONTROLLER);
  return Status::OK;
}

Status MediaControlService::ListSessions(grpc::ServerContext*, const proto::ListSessionsRequest* request,
                                         proto::ListSessionsResponse* response) {
  response->set_generation(generation_);
  const auto records =
      request->controller_id().empty() ? directory_.All() : directory_.OfController(request->controller_id());
  for (const SessionRecordPtr& record : records) {
    if (record->is_open) FillSession(*record, *response->add_sessions());
  }
  return Status::OK;
}

Status MediaControlService::SendDtmf(grpc::ServerContext*, const proto::SendDtmfRequest* request,
                                     proto::SendDtmfResponse*) {
  SessionRecordPtr record;
  std::unique_lock<std::mutex> lock;
  if (Status status = Acquire(request->session_id(), record, lock); !status.ok()) return status;
  auto dtmf = ToDomain(*request);
  if (!dtmf) return Invalid(dtmf.error());
  worker::Reply reply;
  return Call(*record, std::move(dtmf).value(), reply);
}

Status MediaControlService::PlayTone(grpc::ServerContext*, const proto::PlayToneRequest* request,
                                     proto::PlayToneResponse*) {
  SessionRecordPtr record;
  std::unique_lock<std::mutex> lock;
  if (Status status = Acquire(request->session_id(), record, lock); !status.ok()) return status;
  auto play = ToDomain(*request);
  if (!play) return Invalid(play.error());
  worker::Reply reply;
  return Call(*record, std::move(play).value(), reply);
}

Status MediaControlService::PlayAnnouncement(grpc::ServerContext*, const proto::PlayAnnouncementRequest* request,
                                             proto::PlayAnnouncementResponse*) {
  SessionRecordPtr record;
  std::unique_lock<std::mutex> lock;
  if (Status status = Acquire(request->session_id(), record, lock); !status.ok()) return status;
  auto play = ToDomain(*request, config_.announcements);
  if (!play) return Invalid(play.error());
  worker::Reply reply;
  return Call(*record, std::move(play).value(), reply);
}

Status MediaControlService::GetStats(grpc::ServerContext*, const proto::GetStatsRequest* request,
                                     proto::SessionStats* response) {
  SessionRecordPtr record;
  std::unique_lock<std::mutex> lock;
  // Not only the controller asks: an operator may look at calls whose controller is lost.
  if (Status status = Acquire(request->session_id(), record, lock, /*renews_lease=*/false); !status.ok()) {
    return status;
  }
  worker::Reply reply;
  Status status = Call(*record, worker::GetStats{std::make_unique<session::SessionStats>()}, reply);
  if (!status.ok()) return status;
  response->set_session_id(record->id);
  ToProto(*std::get<worker::GetStats>(reply.command.body).stats, *response);
  return Status::OK;
}

Status MediaControlService::GetNodeStats(grpc::ServerContext*, const proto::GetNodeStatsRequest*,
                                         proto::NodeStats* response) {
  auto& drops = *response->mutable_drops();
  for (size_t i = 0; i < workers_.size(); ++i) {
    worker::Command command;
    command.body = worker::GetWorkerStats{std::make_unique<worker::WorkerStats>()};
    auto reply = workers_[i]->Call(std::move(command), kCommandLimit);
    if (!reply) return {StatusCode::UNAVAILABLE, "a worker does not answer"};
    const worker::WorkerStats& stats = *std::get<worker::GetWorkerStats>(reply->command.body).stats;
    ToProto(static_cast<uint32_t>(i), stats, *response->add_workers());
    response->set_packets_received(response->packets_received() + stats.packets_received);
    response->set_packets_sent(response->packets_sent() + stats.packets_sent);
    for (size_t d = 0; d < session::DropCounters::kSize; ++d) {
      if (stats.drops.at(d) > 0) {
        drops[std::string(session::DropCounters::Name(d))] += stats.drops.at(d);
      }
    }
    if (stats.events_lost > 0) drops["worker_events_lost"] += stats.events_lost;
  }
  if (config_.io_drops) {
    for (const auto& [reason, count] : config_.io_drops()) {
      if (count > 0) drops[reason] += count;
    }
  }
  return Status::OK;
}

Status MediaControlService::Drain(grpc::ServerContext*, const proto::DrainRequest* request,
                                  proto::DrainResponse* response) {
  SetDraining(!request->cancel());
  response->set_sessions_left(static_cast<uint32_t>(directory_.size()));
  return Status::OK;
}

Status MediaControlService::WatchEvents(grpc::ServerContext* context, const proto::WatchEventsRequest* request,
                                        grpc::ServerWriter<proto::Event>* writer) {
  if (auto valid = CheckControllerId(request->controller_id()); !valid) {
    return Invalid(valid.error());
  }
  const auto stream = events_.Open(request->controller_id());
  directory_.Touch(request->controller_id());
  writer->SendInitialMetadata();  // tells the controller that nothing is missed from here on
  Status status = Status::OK;
  bool is_open = true;
  while (is_open && !context->IsCancelled()) {
    proto::Event event;
    switch (stream->Next(kWatchPoll, event)) {
      case EventHub::Stream::Outcome::kEvent: is_open = writer->Write(event); break;
      case EventHub::Stream::Outcome::kTimeout: break;
      case EventHub::Stream::Outcome::kOverrun:
        status = {StatusCode::RESOURCE_EXHAUSTED, "the reader was too slow and has lost events"};
        is_open = false;
        break;
      case EventHub::Stream::Outcome::kClosed:
        status = {StatusCode::UNAVAILABLE, "the node stops"};
        is_open = false;
        break;
    }
  }
  directory_.Touch(request->controller_id());
  events_.Close(request->controller_id(), stream);
  return status;
}

bool MediaControlService::ServeReports() {
  bool had_one = false;
  for (const auto& worker : workers_) {
    had_one |= worker->ServeReports([this](const worker::EventReport& report) { HandleEvent(report); });
  }
  return had_one;
}

bool MediaControlService::has_outstanding() const {
  return std::ranges::any_of(workers_, [](const auto& worker) { return worker->has_outstanding(); });
}

void MediaControlService::LogSession(const SessionRecord& record, const std::string& line) const {
  if (config_.log_info) config_.log_info("session=" + record.id + " " + line);
}

void MediaControlService::HandleEvent(const worker::EventReport& report) {
  const SessionRecordPtr record = directory_.FindByHandle(report.session);
  if (record == nullptr) return;
  proto::Event message;
  if (!ToProto(report.event, message)) return;
  message.set_session_id(record->id);
  switch (message.event_case()) {
    case proto::Event::kIceConnected:
      // Also the end of an interruption: keys survive a change of the pair.
      if (record->state == session::TransportState::kNew) {
        record->state = session::TransportState::kIceConnected;
      }
      break;
    case proto::Event::kDtlsConnected:
      record->state = session::TransportState::kDtlsConnected;
      LogSession(*record, "event=dtls_connected srtp_profile=" + message.dtls_connected().srtp_profile());
      break;
    case proto::Event::kConsentLost:
      record->state = session::TransportState::kConsentLost;
      LogSession(*record, "event=consent_lost");
      break;
    case proto::Event::kSessionFailed:
      record->state = session::TransportState::kFailed;
      LogSession(*record, "event=session_failed detail=\"" + message.session_failed().detail() + "\"");
      break;
    case proto::Event::kMediaStarted:
      // The worker keeps 64 bytes of the name: give the whole one back.
      directory_.Access([&] {
        const std::string& kept = message.media_started().stream_id();
        const auto whole =
            std::ranges::find_if(record->stream_ids, [&](const std::string& id) { return id.starts_with(kept); });
        if (!kept.empty() && whole != record->stream_ids.end()) {
          message.mutable_media_started()->set_stream_id(*whole);
        }
      });
      break;
    default: break;
  }
  events_.Publish(record->controller_id, std::move(message));
}

void MediaControlService::FinishClose(const SessionRecordPtr& record, proto::SessionClosed::By by) {
  record->is_open = false;
  if (!directory_.Remove(record)) return;
  LogSession(*record, "event=session_closed by=" + proto::SessionClosed::By_Name(by));
  proto::Event event;
  event.set_session_id(record->id);
  event.mutable_session_closed()->set_by(by);
  events_.Publish(record->controller_id, std::move(event));
}

void MediaControlService::CloseAsync(const SessionRecordPtr& record, proto::SessionClosed::By by,
                                     std::string_view reason) {
  if (!record->is_open) return;
  worker::Command command;
  command.session = record->config.handle;
  command.body = worker::CloseSession{.reason = session::ShortText(reason), .stats = nullptr, .session = nullptr};
  // A full mailbox: the next housekeeping tries again.
  (void)workers_[record->worker]->Submit(std::move(command),
                                         [this, record, by](const worker::Reply&) { FinishClose(record, by); });
}

void MediaControlService::Housekeep(bool with_heartbeats) {
  for (const std::string& controller : events_.Watchers()) directory_.Touch(controller);
  const std::chrono::nanoseconds lease(config_.lease.nanoseconds());
  for (const std::string& controller : directory_.Expired(lease)) {
    for (const SessionRecordPtr& record : directory_.OfController(controller)) {
      CloseAsync(record, proto::SessionClosed::BY_LEASE, "controller lost");
    }
  }
  if (with_heartbeats) {
    events_.PublishHeartbeats(static_cast<uint32_t>(directory_.size()));
  }
}

void MediaControlService::CloseAll(proto::SessionClosed::By by) {
  for (const SessionRecordPtr& record : directory_.All()) CloseAsync(record, by, "shutdown");
}

}  // namespace byon::rpc
