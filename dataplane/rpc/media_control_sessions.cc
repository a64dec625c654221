// How MediaControlService opens, describes and joins sessions.
#include <utility>

#include "dataplane/rpc/media_control_service.h"
#include "dataplane/rpc/proto_conversion.h"
#include "dataplane/rpc/random_text.h"
#include "dataplane/rpc/status.h"
#include "dataplane/session/media_session.h"

namespace byon::rpc {
namespace {

using grpc::Status;
using grpc::StatusCode;

constexpr size_t kPortAttempts = 16;
constexpr size_t kRememberedStreamIds = 16;
constexpr size_t kUfragLength = 8;
constexpr size_t kPasswordLength = 24;
constexpr size_t kCnameLength = 16;  // 96 bits, RFC 7022 section 4.2

std::optional<net::IpAddress> AddressOf(const LegAddresses& leg, proto::IpFamily family) {
  switch (family) {
    case proto::IP_FAMILY_V4: return leg.v4;
    case proto::IP_FAMILY_V6: return leg.v6;
    default: return leg.v4 ? leg.v4 : leg.v6;
  }
}

session::IceCredentials NewIceCredentials() { return {RandomText(kUfragLength), RandomText(kPasswordLength)}; }

}  // namespace

Status MediaControlService::ChooseLocals(const proto::CreateSessionRequest& request, Locals& locals) const {
  const auto choose = [](const LegAddresses& leg, int family, const char* field, net::IpAddress& chosen) -> Status {
    if (family < proto::IP_FAMILY_UNSPECIFIED || family > proto::IP_FAMILY_V6) {
      return Invalid(std::string(field) + " is " + std::to_string(family) + ", but must be 0 to 2");
    }
    const auto address = AddressOf(leg, static_cast<proto::IpFamily>(family));
    if (!address) {
      return Invalid(std::string(field) + " is " + (family == proto::IP_FAMILY_V4 ? "IPv4" : "IPv6") +
                     ", but this node has no such address on that leg");
    }
    chosen = *address;
    return Status::OK;
  };
  if (Status status = choose(config_.access, request.access_family(), "access_family", locals.access); !status.ok()) {
    return status;
  }
  return choose(config_.ims, request.ims_family(), "ims_family", locals.ims);
}

session::SessionConfig MediaControlService::MakeConfig(const SessionRecord& record, const Locals& locals) {
  session::SessionConfig config;
  config.handle = session::MakeSessionHandle(next_handle_++, record.ports.access);
  config.access = {{locals.access, record.ports.access}, NewIceCredentials(), RandomSsrc()};
  config.ims = {{locals.ims, record.ports.ims_rtp}, {locals.ims, record.ports.ims_rtcp}, RandomSsrc()};
  config.cname = RandomText(kCnameLength);
  config.random_seed = RandomU64();
  config.access_dscp = config_.access.dscp;
  config.ims_dscp = config_.ims.dscp;
  config.access_limit = config_.access_limit;
  config.ims_limit = config_.ims_limit;
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
    if (reply->status != worker::CommandStatus::kPortInUse && reply->status != worker::CommandStatus::kSessionExists) {
      break;
    }
  }
  return status;
}

Status MediaControlService::Apply(SessionRecord& record, session::SessionDescriptions descriptions) {
  const bool has_access = descriptions.access.has_value();
  const bool has_ims = descriptions.ims.has_value();
  const auto new_ice = descriptions.restart_ice;
  const std::string stream_id = has_ims ? descriptions.ims->stream_id : "";
  session::SessionAudio audio = record.audio;
  if (has_access && descriptions.access->audio) {
    descriptions.access->audio->send.codec.opus.coding = config_.opus_coding;
  }
  auto change = session::PrepareSessionChange(std::move(descriptions), audio, workers_[record.worker]->amr_wb_batch());
  if (!change) {
    return Invalid("the audio cannot be used: " + std::string(codec::FormatErrorName(change.error())));
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

Status MediaControlService::CreateSession(grpc::ServerContext*, const proto::CreateSessionRequest* request,
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
  LogSession(*record,
             "event=session_created worker=" + std::to_string(record->worker) + " controller=" + record->controller_id);
  return Status::OK;
}

Status MediaControlService::ModifySession(grpc::ServerContext*, const proto::ModifySessionRequest* request,
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
  if (ims_before != record->audio.ims) record->owes_join = !joined_with.empty();
  if (!record->owes_join) return Status::OK;
  // What comes on this leg is decoded for the other one from now on. A peer that has gone meanwhile has
  // nothing to decode for.
  lock.unlock();
  const Status status = Join(request->session_id(), joined_with);
  return status.error_code() == StatusCode::NOT_FOUND ? Status::OK : status;
}

Status MediaControlService::JoinSessions(grpc::ServerContext*, const proto::JoinSessionsRequest* request,
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
  record->owes_join = peer->owes_join = false;
  return Status::OK;
}

}  // namespace byon::rpc
