#include "tools/load/media_node.h"

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
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
    if (!address.certificate_file.empty())
      options.pem_cert_chain = ReadFile(address.certificate_file);
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

void SetCodec(proto::AudioFormat& audio, const codec::CodecFormat& format, uint32_t payload_type,
              uint32_t event_type) {
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

}  // namespace

// Commands that gRPC still has in hand.
class MediaNode::Pending {
 public:
  void Begin() {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void End() {
    const std::lock_guard lock(mutex_);
    --count_;
    done_.notify_all();
  }
  void WaitForAll() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  size_t count_ = 0;
};

MediaNode::MediaNode(const NodeAddress& address)
    : target_(address.target),
      controller_id_("byon-load-" + std::to_string(getpid())),
      stub_(proto::MediaControl::NewStub(MakeChannel(address))),
      pending_(std::make_shared<Pending>()) {}

MediaNode::~MediaNode() {
  pending_->WaitForAll();
  watch_context_.TryCancel();
  if (watcher_.joinable()) watcher_.join();
}

void MediaNode::WaitForAll() { pending_->WaitForAll(); }

base::Result<proto::Node, std::string> MediaNode::GetNode() {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
  proto::Node node;
  const grpc::Status status = stub_->GetNode(&context, {}, &node);
  if (status.ok()) return node;
  return "no dataplane answers at " + target_ + " (" + status.error_message() +
         "): start one, or name its control.listen with --dataplane.";
}

std::optional<proto::NodeStats> MediaNode::GetNodeStats() {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(3));
  proto::NodeStats stats;
  if (!stub_->GetNodeStats(&context, {}, &stats).ok()) return std::nullopt;
  return stats;
}

void MediaNode::Watch() {
  watcher_ = std::thread([this] { ReadEvents(); });
}

void MediaNode::ReadEvents() {
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

MediaNode::Events MediaNode::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

template <typename Request, typename Answer, typename Method>
void MediaNode::Send(Method method, Request request, Done<Answer> done) {
  struct Call {
    grpc::ClientContext context;
    Request request;
    Answer answer;
  };
  auto call = std::make_shared<Call>();
  call->request = std::move(request);
  call->context.set_deadline(std::chrono::system_clock::now() + kCommandLimit);
  pending_->Begin();
  (stub_->async()->*method)(
      &call->context, &call->request, &call->answer,
      [call, done = std::move(done), pending = pending_](const grpc::Status& status) {
        done(status, call->answer);
        pending->End();
      });
}

void MediaNode::Create(const std::string& session_id, bool is_v6, const proto::AccessRemote& access,
                       Done<proto::Session> done) {
  proto::CreateSessionRequest request;
  request.set_session_id(session_id);
  request.set_controller_id(controller_id_);
  request.set_access_family(is_v6 ? proto::IP_FAMILY_V6 : proto::IP_FAMILY_V4);
  request.set_ims_family(request.access_family());
  *request.mutable_access() = access;
  using Method = void (proto::MediaControl::StubInterface::async_interface::*)(
      grpc::ClientContext*, const proto::CreateSessionRequest*, proto::Session*,
      std::function<void(grpc::Status)>);
  Send<proto::CreateSessionRequest, proto::Session, Method>(
      &proto::MediaControl::StubInterface::async_interface::CreateSession, std::move(request),
      std::move(done));
}

void MediaNode::Modify(const std::string& session_id, const proto::ImsRemote& ims,
                       Done<proto::Session> done) {
  proto::ModifySessionRequest request;
  request.set_session_id(session_id);
  *request.mutable_ims() = ims;
  using Method = void (proto::MediaControl::StubInterface::async_interface::*)(
      grpc::ClientContext*, const proto::ModifySessionRequest*, proto::Session*,
      std::function<void(grpc::Status)>);
  Send<proto::ModifySessionRequest, proto::Session, Method>(
      &proto::MediaControl::StubInterface::async_interface::ModifySession, std::move(request),
      std::move(done));
}

void MediaNode::GetStats(const std::string& session_id, Done<proto::SessionStats> done) {
  proto::GetStatsRequest request;
  request.set_session_id(session_id);
  using Method = void (proto::MediaControl::StubInterface::async_interface::*)(
      grpc::ClientContext*, const proto::GetStatsRequest*, proto::SessionStats*,
      std::function<void(grpc::Status)>);
  Send<proto::GetStatsRequest, proto::SessionStats, Method>(
      &proto::MediaControl::StubInterface::async_interface::GetStats, std::move(request),
      std::move(done));
}

void MediaNode::Close(const std::string& session_id, Done<proto::CloseSessionResponse> done) {
  proto::CloseSessionRequest request;
  request.set_session_id(session_id);
  request.set_reason("load call ended");
  using Method = void (proto::MediaControl::StubInterface::async_interface::*)(
      grpc::ClientContext*, const proto::CloseSessionRequest*, proto::CloseSessionResponse*,
      std::function<void(grpc::Status)>);
  Send<proto::CloseSessionRequest, proto::CloseSessionResponse, Method>(
      &proto::MediaControl::StubInterface::async_interface::CloseSession, std::move(request),
      std::move(done));
}

proto::AccessRemote DescribeBrowser(const Profile& profile, const IceCredentials& ice,
                                    const dtls::DtlsFingerprint& fingerprint) {
  proto::AccessRemote access;
  access.set_ice_ufrag(ice.ufrag);
  access.set_ice_pwd(ice.pwd);
  proto::DtlsFingerprint& own = *access.add_fingerprints();
  own.set_algorithm(std::string(dtls::AlgorithmName(fingerprint.algorithm)));
  own.set_value(fingerprint.ToText());
  access.set_gateway_dtls_role(profile.gateway_is_dtls_client ? proto::DTLS_ROLE_CLIENT
                                                              : proto::DTLS_ROLE_SERVER);
  SetCodec(*access.mutable_audio(), BrowserFormat(profile.use_dtx), kOpusPayloadType, 110);
  access.set_direction(proto::DIRECTION_SENDRECV);
  return access;
}

proto::ImsRemote DescribePhone(const PhoneCodecShare& codec, const MediaEngine::Sockets& sockets) {
  proto::ImsRemote ims;
  SetAddress(*ims.mutable_rtp(), sockets.rtp->local());
  SetAddress(*ims.mutable_rtcp(), sockets.rtcp->local());
  SetCodec(*ims.mutable_audio(), codec.format, PhonePayloadType(codec.format), 101);
  ims.set_direction(proto::DIRECTION_SENDRECV);
  ims.set_stream_id("load");
  return ims;
}

std::optional<std::string> TakeGatewayEnds(const proto::Session& session, CallSetup& setup) {
  const proto::AccessLocal& access = session.access();
  const auto fingerprint =
      dtls::DtlsFingerprint::Parse(access.fingerprint().algorithm(), access.fingerprint().value());
  if (!fingerprint) return "the gateway's fingerprint cannot be read";
  if (access.candidates().empty()) return "the gateway has no ICE candidate";
  const auto candidate = ToAddress(access.candidates(0).ip(), access.candidates(0).port());
  const auto rtp = ToAddress(session.ims().rtp().ip(), session.ims().rtp().port());
  const auto rtcp = ToAddress(session.ims().rtcp().ip(), session.ims().rtcp().port());
  if (!candidate || !rtp || !rtcp) return "an address of the gateway cannot be read";
  setup.gateway_ice = {access.ice_ufrag(), access.ice_pwd()};
  setup.gateway_fingerprint = *fingerprint;
  setup.gateway_access = *candidate;
  setup.gateway_rtp = *rtp;
  setup.gateway_rtcp = *rtcp;
  return std::nullopt;
}

}  // namespace byon::load
