#include "tools/load/media_call.h"

#include <algorithm>
#include <array>

#include "dataplane/rtp/rtcp_builder.h"
#include "dataplane/rtp/rtcp_view.h"
#include "dataplane/stun/stun_message_builder.h"
#include "tools/load/clock.h"

namespace byon::load {
namespace {

constexpr size_t kLoopSpread = 1'000'000;  // calls begin anywhere in the loop of speech

rtp::NtpTime WallClock() { return rtp::NtpTime::FromUnix(base::TimeDelta::Nanoseconds(ReadClockNs(CLOCK_REALTIME))); }

SentStream MakeStream(const EncodedSpeech& speech, uint8_t payload_type, const codec::CodecFormat& format,
                      base::Random& random) {
  return SentStream(speech, payload_type, codec::ClockRateHz(format.codec), random.NextU32(),
                    static_cast<uint16_t>(random.NextU32()), random.NextU32(), random.NextBelow(kLoopSpread));
}

}  // namespace

uint8_t PhonePayloadType(const codec::CodecFormat& format) {
  if (format.codec == codec::Codec::kPcmu) return 0;
  return format.codec == codec::Codec::kPcma ? 8 : 98;
}

codec::CodecFormat BrowserFormat(bool use_dtx) {
  codec::CodecFormat format;
  format.opus.use_inband_fec = true;
  format.opus.use_dtx = use_dtx;
  return format;
}

MediaCall::Party::Party(SentStream sent_stream, const codec::CodecFormat& format, const Weather& weather, uint64_t seed,
                        bool listens)
    : stream(std::move(sent_stream)),
      arrived(codec::ClockRateHz(format.codec)),
      outgoing_weather(weather, seed),
      incoming_weather({.loss = weather.loss, .burst_length = weather.burst_length}, seed + 1),
      payload_type(kOpusPayloadType),
      clock_rate_hz(codec::ClockRateHz(format.codec)) {
  if (!listens) return;
  const int rate = format.codec == codec::Codec::kOpus ? 16'000 : static_cast<int>(clock_rate_hz);
  decoder = codec::MakeAudioDecoder(format, rate);
  detector.emplace(decoder->sample_rate_hz());
}

MediaCall::MediaCall(CallSetup setup, const Profile& profile, base::Timestamp now)
    : setup_(std::move(setup)),
      rtcp_interval_(profile.rtcp_interval),
      random_(setup_.seed),
      access_address_(setup_.gateway.access),
      rtp_address_(setup_.gateway.rtp),
      rtcp_address_(setup_.gateway.rtcp),
      gateway_key_(base::AsBytes(setup_.gateway.ice.pwd)),
      next_check_(now),
      ice_deadline_(now + kIceLimit),
      browser_(MakeStream(*setup_.browser_speech, kOpusPayloadType, BrowserFormat(profile.use_dtx), random_),
               BrowserFormat(profile.use_dtx), profile.browser, random_.NextU64(), setup_.is_probe),
      phone_(MakeStream(*setup_.phone_speech, setup_.gateway.phone_payload_type, setup_.codec->format, random_),
             setup_.codec->format, profile.phone, random_.NextU64(), setup_.is_probe) {
  phone_.payload_type = setup_.gateway.phone_payload_type;
}

bool MediaCall::HandleTimeout(base::Timestamp now, Outbox& outbox, srtp::SrtpTransform& transform) {
  if (next_check_ <= now) {
    if (!is_ice_connected_ && now >= ice_deadline_) return false;
    SendCheck(now, outbox);
    next_check_ = now + (is_ice_connected_ ? kConsentInterval : kCheckInterval);
  }
  if (next_rtcp_ <= now) {
    SendRtcp(Side::kBrowser, now, outbox, transform);
    SendRtcp(Side::kPhone, now, outbox, transform);
    // RFC 3550 section 6.3.5: half to one and a half, so that calls do not beat together.
    const double share = 0.5 + random_.NextUnit();
    next_rtcp_ = now + base::TimeDelta::Nanoseconds(
                           static_cast<int64_t>(share * static_cast<double>(rtcp_interval_.nanoseconds())));
  }
  return true;
}

void MediaCall::SendCheck(base::Timestamp now, Outbox& outbox) {
  for (std::byte& octet : transaction_) octet = static_cast<std::byte>(random_.NextBelow(256));
  PacketBuffer& buffer = outbox.Next(now);
  stun::StunMessageBuilder builder(buffer.room(), stun::MessageClass::kRequest, stun::kBindingMethod, transaction_);
  builder.AddUsername(setup_.gateway.ice.ufrag + ":" + setup_.own_ice.ufrag);
  builder.AddPriority(0x7e7f1eff);  // RFC 8445 section 5.1.2.1: peer-reflexive
  builder.AddIceControlling(setup_.seed);
  builder.AddUseCandidate();
  builder.AddMessageIntegrity(gateway_key_);
  builder.AddFingerprint();
  buffer.size = builder.Finish()->size();
  outbox.Commit(setup_.sockets.browser->fd(), access_address_, nullptr, {});
}

bool MediaCall::HandleStun(base::ByteSpan datagram, base::Timestamp now) {
  const auto view = stun::StunMessageView::Parse(datagram);
  if (!view || view->message_class() != stun::MessageClass::kSuccess || view->transaction_id() != transaction_ ||
      !view->VerifyIntegrity(gateway_key_) || is_ice_connected_) {
    return false;
  }
  is_ice_connected_ = true;
  next_check_ = now + kConsentInterval;
  return true;
}

void MediaCall::SetKeys(const dtls::DtlsConnected& keys, base::Timestamp now) {
  const srtp::SrtpBackend backend = srtp::DefaultSrtpBackend();
  inbound_ = std::make_unique<srtp::SrtpSession>(backend, keys.remote);
  outbound_ = std::make_unique<srtp::SrtpSession>(backend, keys.local);
  media_start_ = now + kMediaStart;
  next_rtcp_ = media_start_ + base::TimeDelta::Milliseconds(500 + random_.NextBelow(1000));
}

void MediaCall::SendMedia(Side side, base::Timestamp now, Outbox& outbox) {
  Party& sender = party(side);
  const WeatherPath::Fate fate = sender.outgoing_weather.Next();
  PacketBuffer& buffer = outbox.Next(now);
  const auto size = sender.stream.Next(buffer.room(), now, fate.is_lost);
  if (!size) return;
  if (fate.is_lost) {
    ++sender.lost_by_weather;
    return;
  }
  ++sender.sent;
  buffer.size = *size;
  if (side == Side::kBrowser) {
    outbox.Commit(setup_.sockets.browser->fd(), access_address_, outbound_.get(), fate);
  } else {
    outbox.Commit(setup_.sockets.rtp->fd(), rtp_address_, nullptr, fate);
  }
}

void MediaCall::HandleRtp(Side side, base::ByteSpan packet, base::Timestamp arrival, DirectionTimes* times) {
  Party& listener = party(side);
  const auto view = rtp::RtpPacketView::Parse(packet);
  if (!view || view->payload_type().value != listener.payload_type) {
    ++listener.unexpected_payload_type;
    return;
  }
  listener.arrived.OnPacket(*view, arrival, times == nullptr ? nullptr : &times->arrivals);
  if (!listener.incoming_weather.Next().is_lost) {
    if (!listener.reception || listener.reception->source() != view->ssrc()) {
      listener.reception.emplace(view->ssrc(), listener.clock_rate_hz);
    }
    (void)listener.reception->OnPacket(view->sequence_number(), view->timestamp(), view->payload().size(), arrival);
  }
  if (listener.decoder && times != nullptr) {
    Listen(listener, party(side == Side::kBrowser ? Side::kPhone : Side::kBrowser), *view, arrival, *times);
  }
}

void MediaCall::Listen(Party& listener, Party& speaker, const rtp::RtpPacketView& packet, base::Timestamp arrival,
                       DirectionTimes& times) {
  if (listener.next_timestamp) {
    const int64_t missing = packet.timestamp() - *listener.next_timestamp;
    if (missing < 0) return;  // late or twice
    listener.detector->TakeSilence(missing * 1'000'000 / listener.clock_rate_hz);
  }
  std::array<int16_t, 5760> samples;
  const auto described = listener.decoder->Describe(packet.payload());
  if (!described ||
      described->duration * static_cast<uint64_t>(listener.decoder->sample_rate_hz()) / listener.clock_rate_hz >
          samples.size()) {
    return;
  }
  listener.next_timestamp = packet.timestamp() + described->duration;
  const size_t count = listener.decoder->Decode(packet.payload(), 0, samples);
  const auto onset = listener.detector->Take(std::span(samples).first(count));
  if (!onset) return;
  if (const auto delay = speaker.stream.MatchOnset(arrival + base::TimeDelta::Microseconds(*onset))) {
    times.delay.Add(delay->microseconds());
  }
}

void MediaCall::HandleRtcp(Side side, base::MutableByteSpan packet, base::Timestamp now,
                           srtp::SrtpTransform& transform) {
  Party& listener = party(side);
  base::ByteSpan plain = packet;
  if (side == Side::kBrowser) {
    if (!inbound_) return;
    const auto size = inbound_->UnprotectRtcp(transform, packet);
    if (!size) return CountUndecryptable();
    plain = packet.first(*size);
  }
  const auto view = rtp::RtcpView::Parse(plain);
  if (!view) return;
  const auto take = [&](const rtp::ReportBlocks& blocks) {
    for (const rtp::ReportBlock& block : blocks) listener.stream.statistics().OnReportBlock(block, WallClock());
  };
  for (const rtp::RtcpBlockView& block : *view) {
    if (const auto report = block.ParseSenderReport()) {
      if (listener.reception) listener.reception->OnSenderReport(report->info.ntp, now);
      take(report->blocks);
    } else if (const auto receiver_report = block.ParseReceiverReport()) {
      take(receiver_report->blocks);
    }
  }
}

void MediaCall::SendRtcp(Side side, base::Timestamp now, Outbox& outbox, srtp::SrtpTransform& transform) {
  if (!outbound_ || is_stopped_) return;
  Party& sender = party(side);
  const rtp::SenderStatistics& statistics = sender.stream.statistics();
  PacketBuffer& buffer = outbox.Next(now);
  rtp::RtcpBuilder builder(buffer.room());
  std::array<rtp::ReportBlock, 1> block;
  size_t blocks = 0;
  if (sender.reception) {
    if (const auto report = sender.reception->MakeReportBlock(now)) block[blocks++] = *report;
  }
  const auto reports = std::span(block).first(blocks);
  if (const auto info = statistics.MakeSenderInfo(now, WallClock())) {
    builder.AddSenderReport(statistics.source(), *info, reports);
  } else {
    builder.AddReceiverReport(statistics.source(), reports);
  }
  builder.AddCname(statistics.source(), base::AsBytes(side == Side::kBrowser ? "load-browser" : "load-phone"));
  const auto plain = builder.Finish();
  if (!plain) return;
  buffer.size = plain->size();
  ++sender.rtcp_sent;
  if (side == Side::kPhone) {
    return outbox.Commit(setup_.sockets.rtcp->fd(), rtcp_address_, nullptr, {});
  }
  const auto size = outbound_->ProtectRtcp(transform, buffer.room(), buffer.size);
  if (!size) return;
  buffer.size = *size;
  outbox.Commit(setup_.sockets.browser->fd(), access_address_, nullptr, {});
}

SideCounts MediaCall::counts(Side side) const {
  const Party& party = side == Side::kBrowser ? browser_ : phone_;
  const auto round_trip = party.stream.statistics().round_trip_time();
  return {.sent = party.sent,
          .lost_by_weather = party.lost_by_weather,
          .rtcp_sent = party.rtcp_sent,
          .received = party.arrived.counts(),
          .undecryptable = party.undecryptable,
          .unexpected_payload_type = party.unexpected_payload_type,
          .round_trip_ms = round_trip ? round_trip->seconds() * 1000 : 0};
}

}  // namespace byon::load
