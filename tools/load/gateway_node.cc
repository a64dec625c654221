#include "tools/load/gateway_node.h"

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace byon::load {
namespace {

constexpr auto kCommandLimit = std::chrono::seconds(10);

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) throw std::runtime_error("the file " + path + " cannot be read");
  return text.str();
}

std::shared_ptr<grpc::Channel> MakeChannel(const NodeAddress& address) {
  auto credentials = grpc::InsecureChannelCredentials();
  if (!address.ca_file.empty()) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = ReadFile(address.ca_file);
    if (!address.certificate_file.empty()) options.pem_cert_chain = ReadFile(address.certificate_file);
    if (!address.key_file.empty()) options.pem_private_key = ReadFile(address.key_file);
    credentials = grpc::SslCredentials(options);
  }
  auto channel = grpc::CreateChannel(address.target, credentials);
  // gRPC 1.51 may free the queue of its callback threads twice when the last channel that used it
  // goes.
  [[maybe_unused]] static auto* const kept = new std::shared_ptr<grpc::Channel>(channel);
  return channel;
}

void SetAddress(proto::SocketAddress& message, const net::SocketAddress& address) {
  message.set_ip(address.ip.ToString());
  message.set_port(address.port);
}

void SetCodec(proto::AudioFormat& audio, const codec::CodecFormat& format, uint32_t payload_type, uint32_t event_type) {
  proto::AudioCodec& codec = *audio.mutable_send();
  const uint32_t clock = codec::ClockRateHz(format.codec);
  codec.set_payload_type(payload_type);
  codec.set_encoding_name(std::string(codec::CodecName(format.codec)));
  codec.set_clock_rate_hz(clock);
  if (format.codec == codec::Codec::kOpus) {
    codec.set_channels(2);
    codec.set_use_inband_fec(true);
    codec.set_use_dtx(format.opus.use_dtx);
  } else if (format.codec == codec::Codec::kAmr || format.codec == codec::Codec::kAmrWb) {
    codec.set_channels(1);
    codec.set_octet_align(format.amr.octet_align);
    codec.set_use_dtx(format.amr.use_dtx);
    for (uint32_t mode = 0; mode < 9; ++mode) {
      if ((format.amr.mode_set >> mode & 1) != 0) codec.add_mode_set(mode);
    }
  }
  *audio.add_receive() = codec;
  proto::TelephoneEventCodec& event = *audio.add_telephone_events();
  event.set_payload_type(event_type);
  event.set_clock_rate_hz(clock);
}

std::optional<net::SocketAddress> ToAddress(const std::string& ip, uint32_t port) {
  const auto parsed = net::IpAddress::Parse(ip);
  if (!parsed || port == 0 || port > 65535) return std::nullopt;
  return net::SocketAddress{*parsed, static_cast<uint16_t>(port)};
}

proto::AccessRemote DescribeBrowser(const Profile& profile, const IceCredentials& ice,
                                    const dtls::DtlsFingerprint& fingerprint) {
  proto::AccessRemote access;
  access.set_ice_ufrag(ice.ufrag);
  access.set_ice_pwd(ice.pwd);
  proto::DtlsFingerprint& own = *access.add_fingerprints();
  own.set_algorithm(std::string(dtls::AlgorithmName(fingerprint.algorithm)));
  own.set_value(fingerprint.ToText());
  access.set_gateway_dtls_role(profile.gateway_is_dtls_client ? proto::DTLS_ROLE_CLIENT : proto::DTLS_ROLE_SERVER);
  SetCodec(*access.mutable_audio(), BrowserFormat(profile.use_dtx), kOpusPayloadType, 110);
  access.set_direction(proto::DIRECTION_SENDRECV);
  return access;
}

proto::ImsRemote DescribePhone(const PhoneCodecShare& codec, const CallSockets& sockets) {
  proto::ImsRemote ims;
  SetAddress(*ims.mutable_rtp(), sockets.rtp->local());
  SetAddress(*ims.mutable_rtcp(), sockets.rtcp->local());
  SetCodec(*ims.mutable_audio(), codec.format, PhonePayloadType(codec.format), 101);
  ims.set_direction(proto::DIRECTION_SENDRECV);
  ims.set_stream_id("load");
  return ims;
}

base::Result<NodeEnds, std::string> ReadEnds(const proto::Session& session, uint8_t payload_type) {
  const proto::AccessLocal& access = session.access();
  const auto fingerprint = dtls::DtlsFingerprint::Parse(access.fingerprint().algorithm(), access.fingerprint().value());
  if (!fingerprint) return std::string("the gateway's fingerprint cannot be read");
  if (access.candidates().empty()) return std::string("the gateway has no ICE candidate");
  const auto candidate = ToAddress(access.candidates(0).ip(), access.candidates(0).port());
  const auto rtp = ToAddress(session.ims().rtp().ip(), session.ims().rtp().port());
  const auto rtcp = ToAddress(session.ims().rtcp().ip(), session.ims().rtcp().port());
  if (!candidate || !rtp || !rtcp) return std::string("an address of the gateway cannot be read");
  return NodeEnds{.ice = {access.ice_ufrag(), access.ice_pwd()},
                  .fingerprint = *fingerprint,
                  .access = *candidate,
                  .rtp = *rtp,
                  .rtcp = *rtcp,
                  .phone_payload_type = payload_type};
}

base::Result<NodeEnds, std::string> Refusal(const grpc::Status& status) {
  return "the gateway refused: " + status.error_message();
}

LegFigures ToFigures(const proto::LegStats& stats) {
  LegFigures leg{.packets_received = stats.packets_received(),
                 .packets_sent = stats.packets_sent(),
                 .concealed_frames = stats.concealed_frames(),
                 .late_packets = stats.late_packets(),
                 .added_latency_ms = stats.added_latency_ms()};
  if (!stats.has_quality_mean()) return leg;
  leg.mos_mean = stats.quality_mean().mos_conversational();
  leg.mos_worst = stats.worst_mos();
  return leg;
}

CallFigures ToFigures(const proto::SessionStats& stats) {
  CallFigures figures{.access = ToFigures(stats.access()), .ims = ToFigures(stats.ims())};
  for (const auto& [reason, count] : stats.drops()) figures.drops[reason] = count;
  return figures;
}

using Async = proto::MediaControl::StubInterface::async_interface;

}  // namespace

GatewayNode::GatewayNode(const NodeAddress& address, const Profile& profile)
    : profile_(profile),
      target_(address.target),
      controller_id_("byon-load-" + std::to_string(getpid())),
      stub_(proto::MediaControl::NewStub(MakeChannel(address))) {}

GatewayNode::~GatewayNode() {
  pending_->WaitForNone();
  watch_context_.TryCancel();
  if (watcher_.joinable()) watcher_.join();
}

base::Result<NodeDescription, std::string> GatewayNode::Describe() {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
  proto::Node node;
  const grpc::Status status = stub_->GetNode(&context, {}, &node);
  if (!status.ok()) {
    return "no dataplane answers at " + target_ + " (" + status.error_message() +
           "): start one, or name its control.listen with --dataplane.";
  }
  return NodeDescription{.id = node.node_id(),
                         .version = node.version(),
                         .workers = node.worker_count(),
                         .room = node.session_capacity() - std::min(node.session_count(), node.session_capacity()),
                         .is_draining = node.is_draining()};
}

std::optional<std::vector<WorkerUse>> GatewayNode::ReadWorkers() {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(3));
  proto::NodeStats stats;
  if (!stub_->GetNodeStats(&context, {}, &stats).ok()) return std::nullopt;
  std::vector<WorkerUse> uses;
  for (const proto::WorkerStats& worker : stats.workers())
    uses.push_back({worker.worker(), worker.busy_ns(), worker.late_ticks()});
  return uses;
}

void GatewayNode::Watch() {
  watcher_ = std::thread([this] { ReadEvents(); });
}

void GatewayNode::ReadEvents() {
  proto::WatchEventsRequest request;
  request.set_controller_id(controller_id_);
  const auto reader = stub_->WatchEvents(&watch_context_, request);
  proto::Event event;
  while (reader->Read(&event)) {
    const std::lock_guard lock(mutex_);
    events_.session_failed += event.has_session_failed() ? 1 : 0;
    events_.media_timeout += event.has_media_timeout() ? 1 : 0;
    events_.consent_lost += event.has_consent_lost() ? 1 : 0;
  }
  (void)reader->Finish();
}

NodeEvents GatewayNode::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

template <typename Request, typename Answer, typename Method>
void GatewayNode::Send(Method method, Request request, Answered<Answer> done) {
  struct Call {
    grpc::ClientContext context;
    Request request;
    Answer answer;
  };
  auto call = std::make_shared<Call>();
  call->request = std::move(request);
  call->context.set_deadline(std::chrono::system_clock::now() + kCommandLimit);
  pending_->Begin();
  (stub_->async()->*method)(&call->context, &call->request, &call->answer,
                            [call, done = std::move(done), pending = pending_](const grpc::Status& status) {
                              done(status, call->answer);
                              pending->End();
                            });
}

void GatewayNode::SetUp(const CallRequest& request, Done<NodeEnds> done) {
  proto::CreateSessionRequest create;
  create.set_session_id(request.id);
  create.set_controller_id(controller_id_);
  create.set_access_family(profile_.address.is_v6() ? proto::IP_FAMILY_V6 : proto::IP_FAMILY_V4);
  create.set_ims_family(create.access_family());
  *create.mutable_access() = DescribeBrowser(profile_, request.browser_ice, request.browser_fingerprint);
  proto::ModifySessionRequest modify;
  modify.set_session_id(request.id);
  *modify.mutable_ims() = DescribePhone(*request.codec, request.sockets);
  using Create = void (Async::*)(grpc::ClientContext*, const proto::CreateSessionRequest*, proto::Session*,
                                 std::function<void(grpc::Status)>);
  using Modify = void (Async::*)(grpc::ClientContext*, const proto::ModifySessionRequest*, proto::Session*,
                                 std::function<void(grpc::Status)>);
  const uint8_t payload_type = PhonePayloadType(request.codec->format);
  Send<proto::CreateSessionRequest, proto::Session, Create>(
      &Async::CreateSession, std::move(create),
      [this, modify, payload_type, done](const grpc::Status& created, const proto::Session&) {
        if (!created.ok()) return done(Refusal(created));
        Send<proto::ModifySessionRequest, proto::Session, Modify>(
            &Async::ModifySession, modify,
            [payload_type, done](const grpc::Status& status, const proto::Session& session) {
              done(status.ok() ? ReadEnds(session, payload_type) : Refusal(status));
            });
      });
}

void GatewayNode::Ask(const std::string& id, Done<CallFigures> done) {
  proto::GetStatsRequest request;
  request.set_session_id(id);
  using Method = void (Async::*)(grpc::ClientContext*, const proto::GetStatsRequest*, proto::SessionStats*,
                                 std::function<void(grpc::Status)>);
  Send<proto::GetStatsRequest, proto::SessionStats, Method>(
      &Async::GetStats, std::move(request), [done](const grpc::Status& status, const proto::SessionStats& stats) {
        if (!status.ok()) return done(status.error_message());
        done(ToFigures(stats));
      });
}

void GatewayNode::Close(const std::string& id, Done<CallFigures> done) {
  proto::CloseSessionRequest request;
  request.set_session_id(id);
  request.set_reason("load call ended");
  using Method = void (Async::*)(grpc::ClientContext*, const proto::CloseSessionRequest*, proto::CloseSessionResponse*,
                                 std::function<void(grpc::Status)>);
  Send<proto::CloseSessionRequest, proto::CloseSessionResponse, Method>(
      &Async::CloseSession, std::move(request),
      [done](const grpc::Status& status, const proto::CloseSessionResponse& answer) {
        if (!status.ok()) return done(status.error_message());
        if (!answer.existed()) return done(std::string("the call was gone"));
        done(ToFigures(answer.final_stats()));
      });
}

}  // namespace byon::load
