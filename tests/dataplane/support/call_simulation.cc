#include "tests/dataplane/support/call_simulation.h"

#include <cstdlib>
#include <utility>

#include "dataplane/base/check.h"

namespace byon::test {
namespace {

const ice::IceCredentials kGatewayIce{"gway", "gateway-password-of-22-ch"};
const ice::IceCredentials kBrowserIce{"brws", "browser-password-22-chars"};

net::SocketAddress Address(const char* text) { return *net::SocketAddress::Parse(text); }

dtls::DtlsContext MakeContext() {
  auto certificate = dtls::DtlsCertificate::Generate();
  BYON_CHECK(certificate.ok(), "a certificate can be made");
  auto context = dtls::DtlsContext::Create(*certificate, dtls::DtlsContext::DefaultProfiles());
  BYON_CHECK(context.ok(), "a context can be made");
  return std::move(context).value();
}

RtpTalker::Config TalkerFor(const pipeline::StreamFormat& format, uint32_t ssrc, double tone_hz) {
  return {.format = format.codec,
          .payload_type = format.payload_type,
          .telephone_event_payload_type = CallSimulation::kEventPayloadType,
          .ssrc = ssrc,
          .tone_hz = tone_hz};
}

}  // namespace

const dtls::DtlsContext& GatewayDtlsContext() {
  static const dtls::DtlsContext context = MakeContext();
  return context;
}

const dtls::DtlsContext& BrowserDtlsContext() {
  static const dtls::DtlsContext context = MakeContext();
  return context;
}

pipeline::StreamFormat OpusFormat() {
  pipeline::StreamFormat format;
  format.codec.codec = codec::Codec::kOpus;
  format.payload_type = 111;
  (void)format.telephone_events.PushBack({CallSimulation::kEventPayloadType, 48'000});
  return format;
}

pipeline::StreamFormat AmrWbFormat() {
  pipeline::StreamFormat format;
  format.codec.codec = codec::Codec::kAmrWb;
  format.payload_type = 107;
  (void)format.telephone_events.PushBack({CallSimulation::kEventPayloadType, 16'000});
  return format;
}

pipeline::StreamFormat AmrFormat() {
  pipeline::StreamFormat format;
  format.codec.codec = codec::Codec::kAmr;
  format.payload_type = 105;
  (void)format.telephone_events.PushBack({CallSimulation::kEventPayloadType, 8'000});
  return format;
}

pipeline::StreamFormat PcmuFormat() {
  pipeline::StreamFormat format;
  format.codec.codec = codec::Codec::kPcmu;
  return format;
}

CallSimulation::CallSimulation(dtls::DtlsRole browser_dtls_role, worker::WorkerConfig worker_config,
                               const pipeline::StreamFormat& browser_format, const pipeline::StreamFormat& ims_format,
                               const WrapIo& wrap_io)
    : browser_format_(browser_format), ims_format_(ims_format), wrapped_io_(wrap_io ? wrap_io(io_) : nullptr) {
  worker::PacketIo* const io = wrapped_io_ ? wrapped_io_.get() : &io_;
  worker_ = std::make_unique<worker::Worker>(worker_config, *io, mailbox_, handshakes_);
  worker_->SetWallClockOffset(base::TimeDelta::Seconds(1'700'000'000));
  handshake_service_ = std::make_unique<worker::HandshakeService>(GatewayDtlsContext(), worker_config.srtp_backend,
                                                                  std::vector<worker::HandshakeMailbox*>{&handshakes_});
  const session::SessionConfig config = MakeSessionConfig();
  browser_ =
      std::make_unique<FakeBrowser>(FakeBrowser::Config{.address = Address("198.51.100.7:50000"),
                                                        .gateway = config.access.address,
                                                        .local = kBrowserIce,
                                                        .remote = kGatewayIce,
                                                        .dtls_role = browser_dtls_role,
                                                        .gateway_fingerprints = {GatewayDtlsContext().fingerprint()},
                                                        .talker = TalkerFor(browser_format, 0xb0b0b0b0, 440)},
                                    BrowserDtlsContext());
  ims_ = std::make_unique<FakeImsEndpoint>(FakeImsEndpoint::Config{.rtp = Address("203.0.113.9:40000"),
                                                                   .rtcp = Address("203.0.113.9:40001"),
                                                                   .gateway_rtp = config.ims.rtp,
                                                                   .gateway_rtcp = config.ims.rtcp,
                                                                   .talker = TalkerFor(ims_format, 0x1a1a1a1a, 880)});
}

FakeImsEndpoint& CallSimulation::AddIms(uint16_t port, uint32_t ssrc, double tone_hz) {
  FakeImsEndpoint::Config config = ims_->config();
  config.rtp.port = port;
  config.rtcp.port = static_cast<uint16_t>(port + 1);
  config.talker.ssrc = ssrc;
  config.talker.tone_hz = tone_hz;
  return *more_ims_.emplace_back(std::make_unique<FakeImsEndpoint>(config));
}

FakeImsEndpoint& CallSimulation::AddImsOf(const session::SessionConfig& session, uint16_t port,
                                          const pipeline::StreamFormat& format, uint32_t ssrc, double tone_hz) {
  FakeImsEndpoint::Config config = ims_->config();
  config.rtp.port = port;
  config.rtcp.port = static_cast<uint16_t>(port + 1);
  config.gateway_rtp = session.ims.rtp;
  config.gateway_rtcp = session.ims.rtcp;
  config.talker = TalkerFor(format, ssrc, tone_hz);
  return *more_ims_.emplace_back(std::make_unique<FakeImsEndpoint>(config));
}

session::SessionConfig CallSimulation::MakeSessionConfig(uint64_t serial, uint16_t first_port) const {
  session::SessionConfig config;
  config.handle = session::MakeSessionHandle(serial, first_port);
  config.access = {Address("192.0.2.1:1"), kGatewayIce, 0xacacacac};
  config.access.address.port = first_port;
  config.ims = {Address("192.0.2.2:1"), Address("192.0.2.2:1"), 0x1b1b1b1b};
  config.ims.rtp.port = static_cast<uint16_t>(first_port + 2);
  config.ims.rtcp.port = static_cast<uint16_t>(first_port + 3);
  config.cname = "gateway.example";
  config.random_seed = serial;
  return config;
}

session::AccessRemote CallSimulation::MakeAccessRemote() const {
  session::AccessRemote remote;
  remote.ice = kBrowserIce;
  remote.fingerprints = {BrowserDtlsContext().fingerprint()};
  remote.gateway_dtls_role = dtls::DtlsRole::kServer;
  remote.audio = session::AudioDescription{browser_format_, {browser_format_}};
  return remote;
}

session::ImsRemote CallSimulation::MakeImsRemote() const {
  session::ImsRemote remote;
  remote.rtp = ims_->config().rtp;
  remote.audio = session::AudioDescription{ims_format_, {ims_format_}};
  remote.stream_id = "early-1";
  return remote;
}

worker::Reply CallSimulation::Submit(worker::SessionHandle handle, decltype(worker::Command::body) body) {
  worker::Command command{.id = next_command_++, .session = handle, .body = std::move(body)};
  const uint64_t id = command.id;
  BYON_CHECK(mailbox_.commands.Push(std::move(command)), "the mailbox has room");
  for (int i = 0; i < 100; ++i) {
    Step();
    for (size_t k = 0; k < replies_.size(); ++k) {
      if (replies_[k].command.id != id) continue;
      worker::Reply reply = std::move(replies_[k]);
      replies_.erase(replies_.begin() + static_cast<std::ptrdiff_t>(k));
      return reply;
    }
  }
  BYON_CHECK(false, "a command is answered");
  std::abort();
}

worker::CommandStatus CallSimulation::Create(std::optional<session::AccessRemote> access,
                                             std::optional<session::ImsRemote> ims) {
  const session::SessionConfig config = MakeSessionConfig();
  handle_ = config.handle;
  worker::CreateSession create;
  create.session = std::make_unique<session::MediaSession>(config);
  auto change = session::PrepareSessionChange({std::move(access), std::move(ims), {}}, audio_, mailbox_.amr_wb_batch);
  BYON_CHECK(change.ok(), "the formats are good");
  create.change = std::move(change).value();
  return Submit(handle_, std::move(create)).status;
}

worker::CommandStatus CallSimulation::Modify(session::SessionDescriptions descriptions) {
  auto change = session::PrepareSessionChange(std::move(descriptions), audio_, mailbox_.amr_wb_batch);
  BYON_CHECK(change.ok(), "the formats are good");
  return Submit(handle_, worker::ModifySession{std::move(change).value()}).status;
}

void CallSimulation::Connect() {
  BYON_CHECK(Create(MakeAccessRemote(), MakeImsRemote()) == worker::CommandStatus::kDone, "a session can be made");
  const bool is_connected =
      RunUntil([this] { return browser_->is_dtls_connected() && !Events<session::DtlsConnected>().empty(); },
               base::TimeDelta::Seconds(5));
  BYON_CHECK(is_connected, "the browser connects");
  Run(base::TimeDelta::Seconds(1));
}

session::SessionStats CallSimulation::Stats() {
  worker::Reply reply = Submit(handle_, worker::GetStats{std::make_unique<session::SessionStats>()});
  return *std::get<worker::GetStats>(reply.command.body).stats;
}

worker::WorkerStats CallSimulation::WorkerStats() {
  worker::Reply reply = Submit(0, worker::GetWorkerStats{std::make_unique<worker::WorkerStats>()});
  return *std::get<worker::GetWorkerStats>(reply.command.body).stats;
}

void CallSimulation::Run(base::TimeDelta duration) {
  const base::Timestamp end = now_ + duration;
  while (now_ < end) Step();
}

bool CallSimulation::RunUntil(const std::function<bool()>& is_true, base::TimeDelta limit) {
  const base::Timestamp end = now_ + limit;
  while (!is_true()) {
    if (now_ >= end) return false;
    Step();
  }
  return true;
}

void CallSimulation::Step() {
  now_ += base::TimeDelta::Milliseconds(1);
  browser_->HandleTimeout(now_);
  ims_->HandleTimeout(now_);
  for (const auto& phone : more_ims_) phone->HandleTimeout(now_);
  Carry();
  run_turn(now_);
  if (does_handshakes) {
    while (handshake_service_->RunOnce(now_)) {
    }
  }
  Carry();
  TakeReports();
}

void CallSimulation::Carry() {
  const auto deliver = [this](std::vector<TestDatagram> datagrams) {
    for (TestDatagram& datagram : datagrams) {
      if (filter(datagram)) io_.Deliver(std::move(datagram));
    }
  };
  for (TestDatagram& datagram : io_.TakeSent()) {
    if (ims_->IsFor(datagram)) {
      ims_->HandleDatagram(datagram, now_);
    } else if (datagram.destination == browser_->address()) {
      browser_->HandleDatagram(datagram, now_);
    } else {
      bool is_taken = false;
      for (const auto& phone : more_ims_) {
        if (!phone->IsFor(datagram)) continue;
        phone->HandleDatagram(datagram, now_);
        is_taken = true;
      }
      if (!is_taken) astray_.push_back(std::move(datagram));
    }
  }
  deliver(browser_->TakeOutgoing());
  deliver(ims_->TakeOutgoing());
  for (const auto& phone : more_ims_) deliver(phone->TakeOutgoing());
}

void CallSimulation::TakeReports() {
  while (auto report = mailbox_.reports.Pop()) {
    if (auto* reply = std::get_if<worker::Reply>(&*report)) {
      replies_.push_back(std::move(*reply));
    } else if (auto* event = std::get_if<worker::EventReport>(&*report)) {
      events_.push_back(*event);
    }
  }
}

}  // namespace byon::test
