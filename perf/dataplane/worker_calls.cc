#include "perf/dataplane/worker_calls.h"

#include <malloc.h>
#include <time.h>

#include <algorithm>

#include "dataplane/base/check.h"
#include "dataplane/codec/audio_encoder.h"
#include "dataplane/rtp/rtp_packet_builder.h"
#include "dataplane/stun/stun_message_builder.h"

namespace byon::perf {
namespace {

using base::TimeDelta;

const net::IpAddress kGateway = net::IpAddress::V4(192, 0, 2, 1);
const net::SocketAddress kBrowser{net::IpAddress::V4(198, 51, 100, 7), 50'000};
const net::SocketAddress kPhone{net::IpAddress::V4(203, 0, 113, 9), 40'000};
const ice::IceCredentials kIce{"gway", "gateway-password-of-22-ch"};
constexpr TimeDelta kFrame = TimeDelta::Milliseconds(20);  // of every codec

size_t HeapBytes() { return mallinfo2().uordblks + mallinfo2().hblkhd; }

}  // namespace

std::chrono::nanoseconds ThreadTime() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

Media EncodeMedia(const pipeline::StreamFormat& format, std::span<const int16_t> samples) {
  const auto rate_hz = static_cast<int>(codec::ClockRateHz(format.codec.codec));
  const auto encoder = codec::MakeAudioEncoder(format.codec, rate_hz);
  Media media{format, {}};
  codec::AudioFrame frame = codec::AudioFrame::Silence(rate_hz);
  const size_t step = frame.view().size();
  for (size_t at = 0; at + step <= samples.size(); at += step) {
    std::ranges::copy(samples.subspan(at, step), frame.view().begin());
    auto& payload = media.payloads.emplace_back(codec::kMaxEncodedBytes);
    payload.resize(encoder->Encode(frame, payload).bytes);
    payload.shrink_to_fit();
  }
  return media;
}

pipeline::StreamFormat FormatOf(codec::Codec codec, uint8_t payload_type) {
  pipeline::StreamFormat format;
  format.codec.codec = codec;
  format.payload_type = payload_type;
  return format;
}

BenchmarkIo::~BenchmarkIo() {
  for (const net::SocketAddress& local : open_) wire_->near->ClosePort(local);
}

worker::OpenPortResult BenchmarkIo::OpenPort(const net::SocketAddress& local) {
  if (!wire_) return worker::OpenPortResult::kOpened;
  const auto result = wire_->near->OpenPort(local);
  if (result == worker::OpenPortResult::kOpened) open_.push_back(local);
  return result;
}

void BenchmarkIo::ClosePort(const net::SocketAddress& local) {
  if (std::erase(open_, local) > 0) wire_->near->ClosePort(local);
}

void BenchmarkIo::Carry(base::Timestamp now) {
  if (!wire_) return;
  std::array<worker::ReceivedDatagram, 64> taken;
  while (const size_t count = wire_->far->ReceiveBurst(taken, now)) {
    wire_->far->Release(std::span(taken).first(count));
  }
  for (const ArrivedPacket& packet : arrived) {
    const worker::TxBuffer buffer = wire_->far->Allocate();
    BYON_CHECK(buffer, "the far side has buffers");
    std::copy_n(packet.bytes.begin(), packet.size, buffer.data);
    const worker::OutgoingDatagram datagram{buffer, packet.size, packet.source, packet.destination};
    wire_->far->Send(std::span(&datagram, 1), now);
  }
  arrived.clear();
  wire_->far->Flush(now);
}

size_t BenchmarkIo::ReceiveBurst(std::span<worker::ReceivedDatagram> datagrams, base::Timestamp now) {
  if (wire_) return wire_->near->ReceiveBurst(datagrams, now);
  // What was handed out before has been released by now.
  arrived.erase(arrived.begin(), arrived.begin() + static_cast<ptrdiff_t>(next_));
  next_ = 0;
  for (; next_ < datagrams.size() && next_ < arrived.size(); ++next_) {
    ArrivedPacket& packet = arrived[next_];
    datagrams[next_] = {packet.source, packet.destination, base::MutableByteSpan(packet.bytes).first(packet.size),
                        nullptr};
  }
  return next_;
}

void BenchmarkIo::Send(std::span<const worker::OutgoingDatagram> datagrams, base::Timestamp now) {
  sent += datagrams.size();
  if (times != nullptr) NoteTimes(datagrams);
  if (wire_) wire_->near->Send(datagrams, now);
}

void BenchmarkIo::NoteTimes(std::span<const worker::OutgoingDatagram> datagrams) {
  const auto time = turn + TimeDelta::Nanoseconds((ThreadTime() - turn_started).count());
  for (const worker::OutgoingDatagram& datagram : datagrams) {
    const bool is_access = datagram.source.port % 4 == 0;  // the first of its session's
    times->Note(datagram, is_access ? access_clock_hz : ims_clock_hz, time);
  }
}

size_t MediaSender::Write(base::MutableByteSpan buffer) {
  const uint32_t timestamp = timestamp_;
  timestamp_ += codec::ClockRateHz(media_->format.codec.codec) / 50;
  const auto& payload = media_->payloads[position_++ % media_->payloads.size()];
  if (payload.empty()) return 0;
  rtp::RtpPacketBuilder builder(buffer, {.payload_type = {media_->format.payload_type},
                                         .sequence_number = {sequence_++},
                                         .timestamp = {timestamp},
                                         .ssrc = {ssrc_}});
  builder.SetPayload(payload);
  return builder.Finish()->size();
}

WorkerCalls::WorkerCalls(const Config& config)
    : config_(config),
      io_(config.wire),
      worker_({.session_capacity = config.count, .use_amr_wb_batch = config.use_amr_wb_batch}, io_, mailbox_,
              handshakes_),
      transform_(srtp::MakeSrtpTransform(srtp::DefaultSrtpBackend())),
      ends_(config.wire ? *config.wire : Wire{.gateway = kGateway, .browser = kBrowser, .phone = kPhone}),
      next_port_(ends_.first_port) {
  keys_.profile = config.profile;
  io_.access_clock_hz = codec::ClockRateHz(config.from_browser->format.codec.codec);
  io_.ims_clock_hz = codec::ClockRateHz(config.from_phone->format.codec.codec);
  for (size_t i = 0; i < config.count; ++i) Connect(i);
  std::ranges::sort(calls_, {}, [](const auto& call) { return call->phase.nanoseconds(); });
  round_ = now_;
}

void WorkerCalls::Connect(size_t index) {
  const size_t heap_before = HeapBytes();
  const session::SessionConfig session = Create(index);
  CompleteHandshake(session);
  heap_bytes_ += HeapBytes() - heap_before;

  const size_t start = index * 137;  // every call at another place
  calls_.push_back(std::make_unique<Call>(
      Call{session.access.address, session.ims.rtp, srtp::SrtpSession(srtp::DefaultSrtpBackend(), keys_),
           MediaSender(*config_.from_browser, 1, start), MediaSender(*config_.from_phone, 2, start),
           TimeDelta::Microseconds(random_.NextBelow(20'000))}));
}

session::SessionConfig WorkerCalls::Create(size_t index) {
  const pipeline::StreamFormat& access = config_.from_browser->format;
  const pipeline::StreamFormat& ims = config_.from_phone->format;
  session::SessionDescriptions descriptions;
  descriptions.access.emplace();
  descriptions.access->ice = ice::IceCredentials{"brws", "browser-password-22-chars"};
  descriptions.access->gateway_dtls_role = dtls::DtlsRole::kServer;
  descriptions.access->audio = session::AudioDescription{access, {access}};
  descriptions.ims.emplace();
  descriptions.ims->rtp = ends_.phone;
  descriptions.ims->audio = session::AudioDescription{ims, {ims}};
  for (;; next_port_ = static_cast<uint16_t>(next_port_ + 4)) {
    const uint16_t port = next_port_;
    session::SessionConfig session;
    session.handle = session::MakeSessionHandle(index + 1, port);
    session.access = {{ends_.gateway, port}, kIce, 1};
    session.ims = {
        {ends_.gateway, static_cast<uint16_t>(port + 2)}, {ends_.gateway, static_cast<uint16_t>(port + 3)}, 2};
    session.random_seed = index;
    session::SessionAudio audio;
    worker::CreateSession create;
    create.session = std::make_unique<session::MediaSession>(session);
    create.change = std::move(session::PrepareSessionChange(descriptions, audio, mailbox_.amr_wb_batch)).value();
    (void)mailbox_.commands.Push({.id = 1, .session = session.handle, .body = std::move(create)});
    Turn();
    auto status = worker::CommandStatus::kNoCapacity;
    while (const auto report = mailbox_.reports.Pop()) {
      if (const auto* reply = std::get_if<worker::Reply>(&*report)) status = reply->status;
    }
    if (status == worker::CommandStatus::kDone) {
      next_port_ = static_cast<uint16_t>(port + 4);
      return session;
    }
    BYON_CHECK(status == worker::CommandStatus::kPortInUse && port < UINT16_MAX - 8,
               "there are ports, sockets and memory for the calls");
  }
}

// A check, a first DTLS record, and the keys as the handshake thread would bring them.
void WorkerCalls::CompleteHandshake(const session::SessionConfig& session) {
  ArrivedPacket& check = io_.arrived.emplace_back();
  check.source = ends_.browser;
  check.destination = session.access.address;
  stun::StunMessageBuilder builder(check.bytes, stun::MessageClass::kRequest, stun::kBindingMethod, {});
  builder.AddUsername("gway:brws");
  builder.AddPriority(1);
  builder.AddIceControlling(1);
  builder.AddUseCandidate();
  builder.AddMessageIntegrity(stun::IntegrityKey(base::AsBytes(kIce.pwd)));
  check.size = builder.Finish()->size();
  ArrivedPacket& record = io_.arrived.emplace_back();
  record.source = ends_.browser;
  record.destination = session.access.address;
  record.bytes[0] = std::byte{22};
  record.size = 100;
  Turn();
  while (auto request = handshakes_.requests.Pop()) {
    if (request->kind != session::HandshakeRequest::Kind::kStart) continue;
    session::HandshakeReport report;
    report.kind = session::HandshakeReport::Kind::kConnected;
    report.session = request->session;
    report.association = request->association;
    const auto backend = srtp::DefaultSrtpBackend();
    report.srtp.inbound = std::make_unique<srtp::SrtpSession>(backend, keys_);
    report.srtp.outbound = std::make_unique<srtp::SrtpSession>(backend, keys_);
    (void)handshakes_.reports.Push(std::move(report));
  }
  Turn();
  while (mailbox_.reports.Pop()) {
  }
}

void WorkerCalls::DeliverFrom(Call& call) {
  ArrivedPacket& from_browser = io_.arrived.emplace_back();
  const size_t plain = call.from_browser.Write(from_browser.bytes);
  if (plain == 0) {
    io_.arrived.pop_back();
  } else {
    from_browser.source = ends_.browser;
    from_browser.destination = call.access;
    from_browser.size = *call.srtp.ProtectRtp(*transform_, from_browser.bytes, plain);
  }
  ArrivedPacket& from_phone = io_.arrived.emplace_back();
  from_phone.source = ends_.phone;
  from_phone.destination = call.ims;
  from_phone.size = call.from_phone.Write(from_phone.bytes);
  if (from_phone.size == 0) io_.arrived.pop_back();
}

void WorkerCalls::Arrive(size_t part, size_t parts) {
  for (size_t i = part; i < calls_.size(); i += parts) DeliverFrom(*calls_[i]);
}

std::chrono::nanoseconds WorkerCalls::Turn() {
  io_.Carry(now_);
  io_.has_waited = false;
  const std::chrono::nanoseconds start = ThreadTime();
  io_.turn = now_;
  io_.turn_started = start;
  is_working_.store(true, std::memory_order_relaxed);
  worker_.RunOnce(now_);
  is_working_.store(false, std::memory_order_relaxed);
  return ThreadTime() - start;
}

void WorkerCalls::Run(TimeDelta duration) {
  const base::Timestamp end = now_ + duration;
  while (now_ < end) {
    while (round_ + calls_[next_call_]->phase <= now_) {
      DeliverFrom(*calls_[next_call_]);
      if (++next_call_ < calls_.size()) continue;
      next_call_ = 0;
      round_ += kFrame;
    }
    const std::chrono::nanoseconds spent = Turn();
    busy_ += spent;
    now_ += TimeDelta::Nanoseconds(spent.count());
    if (io_.has_waited) {
      const base::Timestamp arrival = round_ + calls_[next_call_]->phase;
      now_ = std::max(now_, std::min(io_.waited_until, arrival));
    }
    while (!config_.has_control_thread && mailbox_.reports.Pop()) {
    }
  }
}

}  // namespace byon::perf
