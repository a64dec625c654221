#include "tools/simphone/media_stream.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

#include "dataplane/rtp/rtcp_view.h"
#include "dataplane/rtp/rtp_packet_builder.h"
#include "tools/simphone/socket_address.h"

namespace byon::simphone {
namespace {

constexpr auto kFrameTime = std::chrono::milliseconds(20);
constexpr uint32_t kRecordingRateHz = 16000;
// A tick so late is not made up for: the phone jumps ahead instead of bursting.
constexpr auto kLatestTick = std::chrono::milliseconds(200);
constexpr size_t kLargestPacketBytes = 1500;

base::Timestamp MonotonicNow() {
  return base::Timestamp::FromNanoseconds(
      std::chrono::duration_cast<std::chrono::nanoseconds>(EventLoop::Clock::now().time_since_epoch()).count());
}

rtp::NtpTime WallClock() {
  return rtp::NtpTime::FromUnix(base::TimeDelta::Nanoseconds(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count()));
}

int OpenUdp(const std::string& ip, uint16_t port) {
  const auto address = KernelAddress::From(ip, port);
  if (!address) throw std::runtime_error("not an IP address: " + ip);
  const int fd = socket(address->family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (bind(fd, address->get(), address->length) == 0) return fd;
  close(fd);
  return -1;
}

// Twice the samples of a narrow-band frame: linear interpolation is enough to listen and to measure
// tones well below 4 kHz.
std::vector<int16_t> ToRecordingRate(std::vector<int16_t> samples, uint32_t sample_rate_hz) {
  if (sample_rate_hz == kRecordingRateHz) return samples;
  std::vector<int16_t> doubled;
  doubled.reserve(samples.size() * 2);
  for (size_t i = 0; i < samples.size(); ++i) {
    const int next = i + 1 < samples.size() ? samples[i + 1] : samples[i];
    doubled.push_back(samples[i]);
    doubled.push_back(static_cast<int16_t>((samples[i] + next) / 2));
  }
  return doubled;
}

}  // namespace

MediaStream::MediaStream(EventLoop& loop, std::string local_ip, std::string relay_ip, uint16_t port_base,
                         int rtcp_interval_ms, uint64_t seed, Observer observer)
    : loop_(loop),
      local_ip_(std::move(local_ip)),
      relay_ip_(std::move(relay_ip)),
      port_base_(port_base),
      rtcp_interval_ms_(rtcp_interval_ms),
      observer_(std::move(observer)),
      random_(seed) {
  OpenSockets(port_base_);
  sequence_ = static_cast<uint16_t>(random_.NextU32());
  timestamp_ = random_.NextU32();
}

MediaStream::~MediaStream() {
  Stop();
  CloseSockets();
}

void MediaStream::OpenSockets(uint16_t from_port) {
  constexpr int kPortsToTry = 200;
  for (int port = from_port & ~1; port < from_port + kPortsToTry; port += 2) {
    rtp_socket_ = OpenUdp(local_ip_, static_cast<uint16_t>(port));
    if (rtp_socket_ < 0) continue;
    rtcp_socket_ = OpenUdp(local_ip_, static_cast<uint16_t>(port + 1));
    if (rtcp_socket_ >= 0) {
      local_port_ = static_cast<uint16_t>(port);
      loop_.WatchReadable(rtp_socket_, [this] { ReadRtp(); });
      loop_.WatchReadable(rtcp_socket_, [this] { ReadRtcp(); });
      ReportPath();
      return;
    }
    close(rtp_socket_);
  }
  throw std::runtime_error("no free RTP port from " + std::to_string(from_port) + " on " + local_ip_);
}

void MediaStream::ReportPath() const {
  if (relay_ip_.empty() || !observer_.on_path) return;
  observer_.on_path(local_ip_, local_port_, audio_ ? &*audio_ : nullptr);
}

void MediaStream::CloseSockets() {
  for (const int fd : {rtp_socket_, rtcp_socket_}) {
    loop_.Unwatch(fd);
    close(fd);
  }
}

void MediaStream::MoveToNewPort() {
  CloseSockets();
  OpenSockets(static_cast<uint16_t>(local_port_ + 2));
}

void MediaStream::Configure(const NegotiatedAudio& audio, bool sends) {
  const bool is_same_codec = audio_ && audio_->format.name == audio.format.name &&
                             audio_->format.octet_align == audio.format.octet_align &&
                             audio_->format.mode_set == audio.format.mode_set;
  const bool is_same_path = audio_ && audio_->remote_ip == audio.remote_ip &&
                            audio_->remote_port == audio.remote_port &&
                            audio_->remote_rtcp_port == audio.remote_rtcp_port;
  audio_ = audio;
  if (!is_same_path) ReportPath();
  if (!is_same_codec) {
    codec_ = PhoneCodec::Make(audio.format);
    if (!codec_) throw std::runtime_error("codec not available: " + audio.format.name);
    source_.SetSampleRate(codec_->sample_rate_hz());
    const auto clock = static_cast<uint32_t>(audio.format.clock_rate_hz);
    if (!sent_) sent_.emplace(rtp::Ssrc{random_.NextU32()}, clock);
    received_.reset();
  }
  if (sends && !sends_) is_first_packet_of_spurt_ = true;
  sends_ = sends;
  if (tick_timer_ == 0) {
    next_tick_ = EventLoop::Clock::now();
    ScheduleTick();
  }
  if (rtcp_timer_ == 0) ScheduleRtcp();
}

void MediaStream::Stop() {
  if (tick_timer_ == 0) return;
  SendRtcp(true);
  loop_.Cancel(tick_timer_);
  loop_.Cancel(rtcp_timer_);
  tick_timer_ = rtcp_timer_ = 0;
  StopRecording();
}

void MediaStream::ScheduleTick() {
  next_tick_ += kFrameTime;
  const auto now = EventLoop::Clock::now();
  if (now - next_tick_ > kLatestTick) {
    const auto missed = (now - next_tick_) / kFrameTime;
    next_tick_ += missed * kFrameTime;
    const auto samples = static_cast<size_t>(missed) * codec_->samples_per_frame();
    timestamp_ += static_cast<uint32_t>(samples);
    source_.Skip(samples);
  }
  tick_timer_ = loop_.RunAt(next_tick_, [this] { Tick(); });
}

void MediaStream::Tick() {
  ScheduleTick();
  const auto units = static_cast<uint32_t>(codec_->samples_per_frame());
  std::vector<int16_t> samples(codec_->samples_per_frame());
  source_.Read(samples);
  if (sends_) {
    const auto event = audio_->telephone_event ? dtmf_.Tick(units) : std::nullopt;
    if (event) {
      SendEvent(*event);
    } else {
      event_timestamp_.reset();
      const std::vector<std::byte> payload = codec_->Encode(samples);
      if (payload.empty()) {
        is_first_packet_of_spurt_ = true;
      } else {
        SendPacket(audio_->format.payload_type, is_first_packet_of_spurt_, timestamp_, payload);
        is_first_packet_of_spurt_ = false;
      }
    }
  }
  timestamp_ += units;
}

void MediaStream::SendEvent(const DtmfSender::Report& report) {
  // The timestamp is that of the event's start in all its packets (RFC 4733 section 2.1).
  if (report.is_first) event_timestamp_ = timestamp_;
  std::array<std::byte, rtp::kTelephoneEventBytes> payload;
  base::ByteWriter writer(payload);
  report.event.Serialize(writer);
  for (int i = 0; i < report.copies; ++i) {
    SendPacket(*audio_->telephone_event, report.is_first, event_timestamp_.value_or(timestamp_), payload);
  }
}

void MediaStream::SendPacket(int payload_type, bool marker, uint32_t timestamp, base::ByteSpan payload) {
  std::array<std::byte, kLargestPacketBytes> buffer;
  rtp::RtpHeader header;
  header.marker = marker;
  header.payload_type.value = static_cast<uint8_t>(payload_type);
  header.sequence_number.value = sequence_++;
  header.timestamp.value = timestamp;
  header.ssrc = sent_->source();
  rtp::RtpPacketBuilder builder(buffer, header);
  builder.SetPayload(payload);
  const auto packet = builder.Finish();
  if (!packet) return;
  SendTo(rtp_socket_, false, *packet);
  sent_->OnPacketSent(header.timestamp, payload.size(), MonotonicNow());
}

void MediaStream::SendTo(int socket, bool is_rtcp, base::ByteSpan packet) const {
  const bool is_relayed = !relay_ip_.empty();
  const int port = is_relayed ? local_port_ + (is_rtcp ? 1 : 0)
                   : is_rtcp  ? audio_->remote_rtcp_port
                              : audio_->remote_port;
  const auto remote = KernelAddress::From(is_relayed ? relay_ip_ : audio_->remote_ip, static_cast<uint16_t>(port));
  if (!remote) return;
  (void)sendto(socket, packet.data(), packet.size(), 0, remote->get(), remote->length);
}

void MediaStream::ReadRtp() {
  std::array<std::byte, kLargestPacketBytes> buffer;
  KernelAddress source;
  const ssize_t size = recvfrom(rtp_socket_, buffer.data(), buffer.size(), MSG_DONTWAIT, source.get(), &source.length);
  if (size <= 0) return;
  const auto packet = rtp::RtpPacketView::Parse(base::ByteSpan(buffer).first(static_cast<size_t>(size)));
  if (!packet || !audio_) return;
  const bool is_first = arrivals_.packets == 0;
  counters_.remote_source = source.ip() + ":" + std::to_string(source.port());
  arrivals_.OnPacket(*packet, EventLoop::Clock::now());
  if (is_first && observer_.on_first_packet) observer_.on_first_packet();

  const int payload_type = packet->payload_type().value;
  const bool is_event = audio_->receive_telephone_event == payload_type;
  const bool is_audio = audio_->receive_payload_type == payload_type || audio_->format.payload_type == payload_type;
  if (!is_event && !is_audio) return arrivals_.OnUnknownPayloadType();
  if (!received_ || received_->source() != packet->ssrc()) {
    received_.emplace(packet->ssrc(), static_cast<uint32_t>(audio_->format.clock_rate_hz));
  }
  received_->OnPacket(packet->sequence_number(), packet->timestamp(), packet->payload().size(), MonotonicNow());
  if (is_event) {
    ReceiveEvent(*packet);
  } else {
    RecordPacket(*packet);
  }
}

void MediaStream::ReceiveEvent(const rtp::RtpPacketView& packet) {
  const auto event = rtp::TelephoneEvent::Parse(packet.payload());
  if (!event || !event->is_end || last_event_timestamp_ == packet.timestamp().value) return;
  last_event_timestamp_ = packet.timestamp().value;
  const auto digit = rtp::DigitFromEvent(event->event);
  if (!digit) return;
  counters_.received_digits += *digit;
  const int duration_ms = event->duration * 1000 / audio_->format.clock_rate_hz;
  if (observer_.on_dtmf) observer_.on_dtmf(*digit, duration_ms);
}

void MediaStream::RecordPacket(const rtp::RtpPacketView& packet) {
  const uint32_t rate_hz = codec_->sample_rate_hz();
  const bool is_new_source = recording_ssrc_ != packet.ssrc().value || recording_rate_hz_ != rate_hz;
  if (is_new_source) recording_unwrapper_.Reset();
  const int64_t timestamp = recording_unwrapper_.Peek(packet.timestamp().value);
  // Decoders have memory: what comes out of order is as good as lost.
  if (!is_new_source && timestamp <= recording_last_) {
    ++counters_.late;
    return;
  }
  const std::vector<int16_t> samples = ToRecordingRate(codec_->Decode(packet.payload()), rate_hz);
  if (samples.empty()) ++counters_.undecodable;
  recording_last_ = recording_unwrapper_.Unwrap(packet.timestamp().value);
  counters_.last_mode_request = codec_->last_mode_request();
  if (is_new_source || !recording_) {
    // A new source starts where the clock on the wall says it does.
    const auto elapsed = recording_ ? EventLoop::Clock::now() - recording_start_ : EventLoop::Clock::duration::zero();
    const auto elapsed_units =
        std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count() * rate_hz / 1000000;
    recording_origin_ = recording_last_ - elapsed_units;
    recording_ssrc_ = packet.ssrc().value;
    recording_rate_hz_ = rate_hz;
  }
  const int64_t position = (recording_last_ - recording_origin_) * kRecordingRateHz / rate_hz;
  if (recording_ && position >= 0) recording_->WriteAt(static_cast<uint64_t>(position), samples);
}

void MediaStream::Record(const std::string& path) {
  recording_ = std::make_unique<WavWriter>(path, kRecordingRateHz);
  recording_start_ = EventLoop::Clock::now();
  recording_ssrc_.reset();
}

void MediaStream::StopRecording() {
  if (recording_) counters_.recorded_samples = recording_->length_samples();
  recording_.reset();
}

void MediaStream::ScheduleRtcp() {
  rtcp_timer_ = loop_.RunAfter(EventLoop::Milliseconds(rtcp_interval_ms_), [this] {
    SendRtcp(false);
    ScheduleRtcp();
  });
}

void MediaStream::SendRtcp(bool is_last) {
  if (!audio_ || !sent_) return;
  std::array<std::byte, kLargestPacketBytes> buffer;
  rtp::RtcpBuilder builder(buffer);
  std::vector<rtp::ReportBlock> blocks;
  if (received_) {
    if (const auto block = received_->MakeReportBlock(MonotonicNow())) blocks.push_back(*block);
  }
  if (const auto info = sent_->MakeSenderInfo(MonotonicNow(), WallClock())) {
    builder.AddSenderReport(sent_->source(), *info, blocks);
  } else {
    builder.AddReceiverReport(sent_->source(), blocks);
  }
  builder.AddCname(sent_->source(), base::AsBytes("simphone"));
  if (audio_->remote_has_rtcp_xr) AddExtendedReport(builder);
  if (is_last) builder.AddBye(sent_->source());
  const auto packet = builder.Finish();
  if (!packet) return;
  SendTo(rtcp_socket_, true, *packet);
  ++counters_.rtcp_sent;
}

void MediaStream::AddExtendedReport(rtp::RtcpBuilder& builder) {
  const auto source = received_ ? std::optional(received_->source()) : std::nullopt;
  const double expected = static_cast<double>(arrivals_.packets) + static_cast<double>(arrivals_.lost);
  const double loss_share = expected > 0 ? static_cast<double>(arrivals_.lost) / expected : 0;
  builder.AddExtendedReport(extended_.Make(sent_->source(), source, loss_share, MonotonicNow(), WallClock()));
}

void MediaStream::ReadRtcp() {
  std::array<std::byte, kLargestPacketBytes> buffer;
  const ssize_t size = recv(rtcp_socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size <= 0) return;
  const auto view = rtp::RtcpView::Parse(base::ByteSpan(buffer).first(static_cast<size_t>(size)));
  if (!view || !sent_) return;
  for (const rtp::RtcpBlockView& block : *view) {
    if (const auto report = block.ParseSenderReport()) {
      ++counters_.sender_reports_received;
      if (received_ && received_->source() == report->sender) {
        received_->OnSenderReport(report->info.ntp, MonotonicNow());
      }
      for (const auto& entry : report->blocks) sent_->OnReportBlock(entry, WallClock());
    } else if (const auto receiver = block.ParseReceiverReport()) {
      ++counters_.receiver_reports_received;
      for (const auto& entry : receiver->blocks) sent_->OnReportBlock(entry, WallClock());
    } else if (const auto extended = rtp::ParseExtendedReport(block)) {
      extended_.Take(*extended, sent_->source(), MonotonicNow(), WallClock());
    } else if (block.ParseBye() && observer_.on_bye) {
      observer_.on_bye();
    }
  }
}

MediaStream::Report MediaStream::MakeReport() const {
  const auto now = EventLoop::Clock::now();
  Report report = counters_;
  report.arrivals = &arrivals_;
  report.extended = &extended_;
  report.largest_gap_ms = arrivals_.LargestGapMs(now);
  report.ms_since_last_packet = arrivals_.MsSinceLastPacket(now);
  report.is_sending = sends_;
  if (recording_) report.recorded_samples = recording_->length_samples();
  if (audio_) {
    report.codec = audio_->format.name + "/" + std::to_string(audio_->format.clock_rate_hz) +
                   (audio_->format.octet_align ? " octet-align" : "");
  }
  if (received_) report.jitter_ms = received_->jitter_time().seconds() * 1000;
  if (sent_) {
    report.packets_sent = sent_->packets_sent();
    report.remote_fraction_lost = sent_->remote_fraction_lost();
    report.remote_jitter_ms = sent_->remote_jitter().seconds() * 1000;
    if (const auto rtt = sent_->round_trip_time()) report.round_trip_ms = rtt->seconds() * 1000;
  }
  return report;
}

}  // namespace byon::simphone
