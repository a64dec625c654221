#include "dataplane/rpc/media_control_service.h"

#include <algorithm>
#include <utility>

#include "dataplane/rpc/proto_conversion.h"
#include "dataplane/rpc/proto_report.h"
#include "dataplane/rpc/random_text.h"
#include "dataplane/session/media_session.h"

namespace byon::rpc {
namespace {

using grpc::Status;
using grpc::StatusCode;

constexpr size_t kPortAttempts = 16;
constexpr size_t kRememberedStreamIds = 16;
constexpr std::chrono::milliseconds kWatchPoll{500};  // how soon a cancelled stream is noticed
constexpr size_t kUfragLength = 8;
constexpr size_t kPasswordLength = 24;
constexpr size_t kCnameLength = 16;  // 96 bits, RFC 7022 section 4.2
// Host candidate, only address, component 1: RFC 8445 section 5.1.2.1.
constexpr uint32_t kCandidatePriority = 126u << 24 | 65535u << 8 | 255u;

Status Invalid(const std::string& sentence) { return {StatusCode::INVALID_ARGUMENT, sentence}; }

Status StatusOf(worker::CommandStatus status) {
  switch (status) {
    case worker::CommandStatus::kDone:
      return Status::OK;
    case worker::CommandStatus::kNoSuchSession:
      return {StatusCode::NOT_FOUND, "no such session"};
    case worker::CommandStatus::kSessionExists:
      return {StatusCode::RESOURCE_EXHAUSTED, "the worker still holds one of the ports"};
    case worker::CommandStatus::kPortInUse:
      return {StatusCode::RESOURCE_EXHAUSTED, "other programs on this machine use the media ports"};
    case worker::CommandStatus::kPortUnusable:
      return {StatusCode::RESOURCE_EXHAUSTED,
              "the media address is not one of this machine's, or no file descriptor is left"};
    case worker::CommandStatus::kNoCapacity:
      return {StatusCode::RESOURCE_EXHAUSTED, "no worker has room for another session"};
    case worker::CommandStatus::kWrongState:
      return {StatusCode::FAILED_PRECONDITION,
              "the DTLS handshake has begun in the other role, or the session is joined with another"};
    case worker::CommandStatus::kNoSuchPeer:
      return {StatusCode::NOT_FOUND, "no such session to join with"};
    case worker::CommandStatus::kNotNegotiated:
      return {StatusCode::FAILED_PRECONDITION,
              "the leg has no telephone-event or codec for it, or its queue of digits is full"};
  }
  return {StatusCode::UNAVAILABLE, "the worker gave no known answer"};
}

std::optional<net::IpAddress> AddressOf(const LegAddresses& leg, proto::IpFamily family) {
  switch (family) {
    case proto::IP_FAMILY_V4:
      return leg.v4;
    case proto::IP_FAMILY_V6:
      return leg.v6;
    default:
      return leg.v4 ? leg.v4 : leg.v6;
  }
}

session::IceCredentials NewIceCredentials() {
  return {RandomText(kUfragLength), RandomText(kPasswordLength)};
}

}  // namespace

MediaControlService::MediaControlService(RpcConfig config,
                                         const std::vector<worker::WorkerMailbox*>& mailboxes)
    : config_(std::move(config)),
      generation_(RandomText(16)),
      directory_(config_.first_port, config_.last_port, mailboxes.size(),
                 config_.sessions_per_worker) {
  for (worker::WorkerMailbox* mailbox : mailboxes) {
    workers_.push_back(std::make_unique<WorkerClient>(*mailbox));
  }
}

template <typename Body>
Status MediaControlService::Call(SessionRecord& record, Body body, worker::Reply& reply) {
  worker::Command command;
  command.session = record.config.handle;
  command.body = std::move(body);
  auto answer = workers_[record.worker]->Call(std::move(command), kCommandLimit);
  if (!answer) return {StatusCode::UNAVAILABLE, "the worker does not answer"};
  reply = std::move(*answer);
  return StatusOf(reply.status);
}

Status MediaControlService::Acquire(const std::string& session_id, SessionRecordPtr& record,
                                    std::unique_lock<std::mutex>& lock) {
  if (auto valid = CheckSessionId(session_id); !valid) return Invalid(valid.error());
  record = directory_.Find(session_id);
  if (record == nullptr) return {StatusCode::NOT_FOUND, "no session " + session_id};
  lock = std::unique_lock(record->command_mutex);
  if (!record->is_open) return {StatusCode::NOT_FOUND, "no session " + session_id};
  directory_.Touch(record->controller_id);
  return Status::OK;
}

Status MediaControlService::GetNode(grpc::ServerContext*, const proto::GetNodeRequest*,
                                    proto::Node* node) {
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

Status MediaControlService::ChooseLocals(const proto::CreateSessionRequest& request,
                                         Locals& locals) const {
  const auto choose = [](const LegAddresses& leg, int family, const char* field,
                         net::IpAddress& chosen) -> Status {
    if (family < proto::IP_FAMILY_UNSPECIFIED || family > proto::IP_FAMILY_V6) {
      return Invalid(std::string(field) + " is " + std::to_string(family) + ", but must be 0 to 2");
    }
    const auto address = AddressOf(leg, static_cast<proto::IpFamily>(family));
    if (!address) {
      return Invalid(std::string(field) + " is " +
                     (family == proto::IP_FAMILY_V4 ? "IPv4" : "IPv6") +
                     ", but this node has no such address on that leg");
    }
    chosen = *address;
    return Status::OK;
  };
  if (Status status =
          choose(config_.access, request.access_family(), "access_family", locals.access);
      !status.ok()) {
    return status;
  }
  return choose(config_.ims, request.ims_family(), "ims_family", locals.ims);
}

session::SessionConfig MediaControlService::MakeConfig(const SessionRecord& record,
                                                       const Locals& locals) {
  session::SessionConfig config;
  config.handle = session::MakeSessionHandle(next_handle_++, record.ports.access);
  config.access = {{locals.access, record.ports.access}, NewIceCredentials(), RandomSsrc()};
  config.ims = {
      {locals.ims, record.ports.ims_rtp}, {locals.ims, record.ports.ims_rtcp}, RandomSsrc()};
  config.cname = RandomText(kCnameLength);
  config.random_seed = RandomU64();
  config.access_dscp = config_.access.dscp;
  config.ims_dscp = config_.ims.dscp;
  config.access_media_timeout = config_.access_media_timeout;
  config.ims_media_timeout = config_.ims_media_timeout;
  config.tones = config_.tones;
  return config;
}

// Puts an empty session on its worker, on ports that are free there.
Status MediaControlService::Open(const SessionRecordPtr& record, const Locals& locals) {
  Status status(StatusCode::RESOURCE_EXHAUSTED, "no media port is left");
  for (size_t attempt = 0; attempt < kPortAttempts; ++attempt) {
    if (!directory_.AssignPorts(*record)) return status;
    directory_.SetConfig(*record, MakeConfig(*record, locals));
    worker::Command command;
    command.session = record->config.handle;
    command.body = worker::CreateSession{std::make_unique<session::MediaSession>(record->config)};
    WorkerClient& worker = *workers_[record->worker];
    // A session that comes to life too late is closed at once.
    const worker::SessionHandle handle = record->config.handle;
    const auto close_late = [&worker, handle](worker::Reply reply) {
      if (reply.status != worker::CommandStatus::kDone) return;
      worker::Command close;
      close.session = handle;
      close.body = worker::CloseSession{};
      (void)worker.Submit(std::move(close), nullptr);
    };
    auto reply = worker.Call(std::move(command), kCommandLimit, close_late);
    if (!reply) return {StatusCode::UNAVAILABLE, "the worker does not answer"};
    status = StatusOf(reply->status);
    if (reply->status != worker::CommandStatus::kPortInUse &&
        reply->status != worker::CommandStatus::kSessionExists) {
      break;
    }
  }
  return status;
}

Status MediaControlService::Apply(SessionRecord& record,
                                  session::SessionDescriptions descriptions) {
  const bool has_access = descriptions.access.has_value();
  const bool has_ims = descriptions.ims.has_value();
  const auto new_ice = descriptions.restart_ice;
  const std::string stream_id = has_ims ? descriptions.ims->stream_id : "";
  session::SessionAudio audio = record.audio;
  auto change = session::PrepareSessionChange(std::move(descriptions), audio);
  if (!change) {
    return Invalid("the audio cannot be used: " +
                   std::string(codec::FormatErrorName(change.error())));
  }
  if (has_ims && !stream_id.empty()) {
    directory_.Access([&] {
      record.stream_ids.push_front(stream_id);
      if (record.stream_ids.size() > kRememberedStreamIds) record.stream_ids.pop_back();
    });
  }
  worker::Reply reply;
  Status status = Call(record, worker::ModifySession{std::move(change).value()}, reply);
  if (!status.ok()) return status;
  record.audio = std::move(audio);
  directory_.Access([&] {
    record.has_access_remote |= has_access;
    record.has_ims_remote |= has_ims;
    if (new_ice) record.config.access.ice = *new_ice;
  });
  return Status::OK;
}

Status MediaControlService::CreateSession(grpc::ServerContext*,
                                          const proto::CreateSessionRequest* request,
                                          proto::Session* response) {
  if (auto valid = CheckSessionId(request->session_id()); !valid) return Invalid(valid.error());
  if (auto valid = CheckControllerId(request->controller_id()); !valid) {
    return Invalid(valid.error());
  }
  Locals locals;
  if (Status status = ChooseLocals(*request, locals); !status.ok()) return status;
  session::SessionDescriptions descriptions;
  if (request->has_access()) {
    auto access = ToDomain(request->access(), "access", config_.announcements);
    if (!access) return Invalid(access.error());
    descriptions.access = std::move(access).value();
  }
  if (request->has_ims()) {
    auto ims = ToDomain(request->ims(), "ims", locals.ims.is_v4(), config_.announcements);
    if (!ims) return Invalid(ims.error());
    descriptions.ims = std::move(ims).value();
  }

  std::optional<size_t> on_worker;
  if (!request->beside_session_id().empty()) {
    const SessionRecordPtr beside = directory_.Find(request->beside_session_id());
    if (beside == nullptr) {
      return {StatusCode::FAILED_PRECONDITION, "there is no session to be placed beside"};
    }
    on_worker = beside->worker;
  }

  SessionRecordPtr record = directory_.Find(request->session_id());
  if (record == nullptr && is_draining_) {
    return {StatusCode::UNAVAILABLE, "the node drains and takes no new sessions"};
  }
  std::unique_lock<std::mutex> lock;
  record = directory_.Add(request->session_id(), request->controller_id(), lock, on_worker);
  if (record == nullptr) {
    return {StatusCode::RESOURCE_EXHAUSTED, "no worker has room for another session"};
  }
  if (!lock.owns_lock()) {
    // The name is taken: by the same request, which has its effect once, or by another session.
    lock = std::unique_lock(record->command_mutex);
    if (!record->is_open) return {StatusCode::UNAVAILABLE, "the session has just ended"};
    if (record->request != request->SerializeAsString()) {
      return {StatusCode::FAILED_PRECONDITION,
              "session " + record->id + " exists with another description; modify or close it"};
    }
    directory_.Touch(record->controller_id);
    FillSession(*record, *response);
    return Status::OK;
  }

  record->request = request->SerializeAsString();
  Status status = Open(record, locals);
  if (!status.ok()) {
    directory_.Remove(record);
    return status;
  }
  record->is_open = true;
  if (descriptions.access || descriptions.ims) {
    status = Apply(*record, std::move(descriptions));
    if (!status.ok()) {
      worker::Reply reply;
      (void)Call(*record, worker::CloseSession{}, reply);
      record->is_open = false;
      directory_.Remove(record);
      return status;
    }
  }
  FillSession(*record, *response);
  LogSession(*record, "event=session_created worker=" + std::to_string(record->worker) +
                          " controller=" + record->controller_id);
  return Status::OK;
}

Status MediaControlService::ModifySession(grpc::ServerContext*,
                                          const proto::ModifySessionRequest* request,
                                          proto::Session* response) {
  SessionRecordPtr record;
  std::unique_lock<std::mutex> lock;
  if (Status status = Acquire(request->session_id(), record, lock); !status.ok()) return status;
  session::SessionDescriptions descriptions;
  if (request->has_access()) {
    auto access = ToDomain(request->access(), "access", config_.announcements);
    if (!access) return Invalid(access.error());
    descriptions.access = std::move(access).value();
  }
  if (request->has_ims()) {
    auto ims = ToDomain(request->ims(), "ims", record->config.ims.rtp.ip.is_v4(), config_.announcements);
    if (!ims) return Invalid(ims.error());
    descriptions.ims = std::move(ims).value();
  }
  if (request->restart_ice()) descriptions.restart_ice = NewIceCredentials();
  const auto ims_before = record->audio.ims;
  if (Status status = Apply(*record, std::move(descriptions)); !status.ok()) return status;
  FillSession(*record, *response);
  const std::string joined_with = record->joined_with;
  if (joined_with.empty() || ims_before == record->audio.ims) return Status::OK;
  // What comes on this leg is decoded for the other one from now on. A peer that has gone meanwhile has
  // nothing to decode for.
  lock.unlock();
  const Status status = Join(request->session_id(), joined_with);
  return status.error_code() == StatusCode::NOT_FOUND ? Status::OK : status;
}

Status MediaControlService::JoinSessions(grpc::ServerContext*,
                                         const proto::JoinSessionsRequest* request,
                                         proto::JoinSessionsResponse*) {
  return Join(request->session_id(), request->peer_session_id());
}

Status MediaControlService::Join(const std::string& session_id, const std::string& peer_session_id) {
  for (const std::string* id : {&session_id, &peer_session_id}) {
    if (auto valid = CheckSessionId(*id); !valid) return Invalid(valid.error());
  }
  if (session_id == peer_session_id) return Invalid("a session cannot be joined with itself");
  const SessionRecordPtr record = directory_.Find(session_id);
  const SessionRecordPtr peer = directory_.Find(peer_session_id);
  for (const auto& [found, id] : {std::pair(record, session_id), std::pair(peer, peer_session_id)}) {
    if (found == nullptr) return {StatusCode::NOT_FOUND, "no session " + id};
  }
  const std::scoped_lock lock(record->command_mutex, peer->command_mutex);
  if (!record->is_open || !peer->is_open) return {StatusCode::NOT_FOUND, "a session has ended"};
  directory_.Touch(record->controller_id);
  if (record->worker != peer->worker) {
    return {StatusCode::FAILED_PRECONDITION, "the sessions are on different workers"};
  }
  if (!record->audio.ims || !peer->audio.ims) {
    return {StatusCode::FAILED_PRECONDITION, "the IMS leg of a session has no codec yet"};
  }
  const session::AudioDescription& own = *record->audio.ims;
  const session::AudioDescription& other = *peer->audio.ims;
  auto receive = pipeline::PrepareReceive(other.receive, &own.send);
  auto peer_receive = pipeline::PrepareReceive(own.receive, &other.send);
  if (!receive || !peer_receive) return Invalid("the audio of a session cannot be used");
  worker::Reply reply;
  Status status = Call(*record,
                       worker::JoinSessions{.peer = peer->config.handle,
                                            .receive = std::move(receive).value(),
                                            .peer_receive = std::move(peer_receive).value()},
                       reply);
  if (!status.ok()) return status;
  if (record->joined_with != peer->id) LogSession(*record, "event=sessions_joined peer=" + peer->id);
  record->joined_with = peer->id;
  peer->joined_with = record->id;
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
    const auto& advertised =
        local.is_v4() ? config_.access.advertised_v4 : config_.access.advertised_v6;
    candidate.set_ip(advertised.value_or(local).ToString());
    candidate.set_port(config.access.address.port);
    candidate.set_priority(kCandidatePriority);
    candidate.set_foundation("1");
    access.mutable_fingerprint()->set_algorithm(
        std::string(dtls::AlgorithmName(config_.fingerprint.algorithm)));
    access.mutable_fingerprint()->set_value(config_.fingerprint.ToText());
    access.set_ssrc(config.access.ssrc);
    access.set_cname(config.cname);
    proto::ImsLocal& ims = *message.mutable_ims();
    const auto& advertised_ims =
        config.ims.rtp.ip.is_v4() ? config_.ims.advertised_v4 : config_.ims.advertised_v6;
    const net::IpAddress ims_ip = advertised_ims.value_or(config.ims.rtp.ip);
    ToProto({ims_ip, config.ims.rtp.port}, *ims.mutable_rtp());
    ToProto({ims_ip, config.ims.rtcp.port}, *ims.mutable_rtcp());
    ims.set_ssrc(config.ims.ssrc);
    ims.set_cname(config.cname);
    message.set_has_access_remote(record.has_access_remote);
    message.set_has_ims_remote(record.has_ims_remote);
    const auto age = Clock::now() - record.created;
    message.set_age_ms(
        static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(age).count()));
    message.set_access_state(ToProto(record.state.load()));
  });
}

Status MediaControlService::CloseSession(grpc::ServerContext*,
                                         const proto::CloseSessionRequest* request,
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

Status MediaControlService::ListSessions(grpc::ServerContext*,
                                         const proto::ListSessionsRequest* request,
                                         proto::ListSessionsResponse* response) {
  response->set_generation(generation_);
  const auto records = request->controller_id().empty()
                           ? directory_.All()
                           : directory_.OfController(request->controller_id());
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

Status MediaControlService::PlayAnnouncement(grpc::ServerContext*,
                                             const proto::PlayAnnouncementRequest* request,
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
  if (Status status = Acquire(request->session_id(), record, lock); !status.ok()) return status;
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
  is_draining_ = !request->cancel();
  if (on_draining_) on_draining_(is_draining_);
  response->set_sessions_left(static_cast<uint32_t>(directory_.size()));
  return Status::OK;
}

Status MediaControlService::WatchEvents(grpc::ServerContext* context,
                                        const proto::WatchEventsRequest* request,
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
      case EventHub::Stream::Outcome::kEvent:
        is_open = writer->Write(event);
        break;
      case EventHub::Stream::Outcome::kTimeout:
        break;
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
    had_one |=
        worker->ServeReports([this](const worker::EventReport& report) { HandleEvent(report); });
  }
  return had_one;
}

bool MediaControlService::has_outstanding() const {
  return std::ranges::any_of(workers_,
                             [](const auto& worker) { return worker->has_outstanding(); });
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
      LogSession(*record,
                 "event=dtls_connected srtp_profile=" + message.dtls_connected().srtp_profile());
      break;
    case proto::Event::kConsentLost:
      record->state = session::TransportState::kConsentLost;
      LogSession(*record, "event=consent_lost");
      break;
    case proto::Event::kSessionFailed:
      record->state = session::TransportState::kFailed;
      LogSession(*record,
                 "event=session_failed detail=\"" + message.session_failed().detail() + "\"");
      break;
    case proto::Event::kMediaStarted:
      // The worker keeps 64 bytes of the name: give the whole one back.
      directory_.Access([&] {
        const std::string& kept = message.media_started().stream_id();
        const auto whole = std::ranges::find_if(
            record->stream_ids, [&](const std::string& id) { return id.starts_with(kept); });
        if (!kept.empty() && whole != record->stream_ids.end()) {
          message.mutable_media_started()->set_stream_id(*whole);
        }
      });
      break;
    default:
      break;
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
  command.body = worker::CloseSession{
      .reason = session::ShortText(reason), .stats = nullptr, .session = nullptr};
  // A full mailbox: the next housekeeping tries again.
  (void)workers_[record->worker]->Submit(
      std::move(command), [this, record, by](const worker::Reply&) { FinishClose(record, by); });
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
