#include "dataplane/rpc/proto_conversion.h"

#include <algorithm>
#include <bitset>
#include <cctype>
#include <string_view>
#include <utility>

#include "dataplane/codec/codec_format.h"
#include "dataplane/dtls/fingerprint.h"

namespace byon::rpc {
namespace {

using session::AudioDescription;

// Far above 5 % of any voice stream; RFC 3556 gives no limit.
constexpr uint32_t kMostRtcpBandwidthBps = 1'000'000;

std::string Quoted(std::string_view value) {
  // What a peer wrote goes into an error: short and printable.
  std::string text = "\"";
  for (const char c : value.substr(0, 40)) {
    text += std::isprint(static_cast<unsigned char>(c)) != 0 ? c : '?';
  }
  if (value.size() > 40) text += "...";
  return text + "\"";
}

std::string IsBut(const std::string& field, const std::string& value, const std::string& allowed) {
  return field + " is " + value + ", but must be " + allowed;
}
std::string IsBut(const std::string& field, uint64_t value, const std::string& allowed) {
  return IsBut(field, std::to_string(value), allowed);
}

bool IsIdText(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-'; });
}

// RFC 8839 section 5.4: ice-char.
bool IsIceText(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '+' || c == '/'; });
}

Checked<uint8_t> ToPayloadType(uint32_t value, const std::string& field) {
  // 64 to 95 would look like RTCP on a shared port: RFC 5761 section 4.
  if (value > 127 || (value >= 64 && value <= 95)) {
    return IsBut(field, value, "0 to 63 or 96 to 127");
  }
  return static_cast<uint8_t>(value);
}

Checked<codec::AmrParameters> ToAmr(const proto::AudioCodec& message, codec::Codec codec, const std::string& field) {
  codec::AmrParameters amr;
  const uint32_t highest_mode = codec == codec::Codec::kAmrWb ? 8 : 7;
  amr.octet_align = message.octet_align();
  for (const uint32_t mode : message.mode_set()) {
    if (mode > highest_mode) {
      return IsBut(field + ".mode_set", mode, "0 to " + std::to_string(highest_mode));
    }
    amr.mode_set = static_cast<uint16_t>(amr.mode_set | 1u << mode);
  }
  if (message.mode_change_period() > 2) {
    return IsBut(field + ".mode_change_period", message.mode_change_period(), "0, 1 or 2");
  }
  amr.mode_change_period = static_cast<uint8_t>(std::max(message.mode_change_period(), 1u));
  amr.mode_change_neighbor = message.mode_change_neighbor();
  amr.use_dtx = message.use_dtx();
  return amr;
}

Checked<codec::OpusParameters> ToOpus(const proto::AudioCodec& message, const std::string& field) {
  codec::OpusParameters opus;
  opus.use_inband_fec = message.use_inband_fec();
  opus.use_dtx = message.use_dtx();
  opus.stereo = message.stereo();
  const uint32_t bitrate = message.max_average_bitrate_bps();
  if (bitrate != 0 && (bitrate < 6000 || bitrate > 510'000)) {  // RFC 7587 section 6.1
    return IsBut(field + ".max_average_bitrate_bps", bitrate, "0 or 6000 to 510000");
  }
  opus.max_average_bitrate_bps = bitrate;
  const uint32_t playback = message.max_playback_rate_hz();
  if (playback != 0 && (playback < 8000 || playback > 48'000)) {
    return IsBut(field + ".max_playback_rate_hz", playback, "0 or 8000 to 48000");
  }
  if (playback != 0) opus.max_playback_rate_hz = playback;
  return opus;
}

Checked<uint16_t> ToPacketTime(const proto::AudioCodec& message, const std::string& field) {
  const uint32_t wanted = message.ptime_ms() == 0 ? 20 : message.ptime_ms();
  const uint32_t longest = message.max_ptime_ms() == 0 ? 240 : message.max_ptime_ms();
  if (longest < 20) return IsBut(field + ".max_ptime_ms", longest, "0 or at least 20");
  // A frame is 20 ms: what is asked for in between is rounded down.
  return static_cast<uint16_t>(std::max(std::min(wanted, longest) / 20 * 20, 20u));
}

Checked<pipeline::StreamFormat> ToFormat(const proto::AudioCodec& message, const std::string& field) {
  pipeline::StreamFormat format;
  const auto payload_type = ToPayloadType(message.payload_type(), field + ".payload_type");
  if (!payload_type) return payload_type.error();
  format.payload_type = *payload_type;
  const auto codec = codec::CodecFromName(message.encoding_name(), message.clock_rate_hz());
  if (!codec) {
    return IsBut(field + ".encoding_name with clock_rate_hz",
                 Quoted(message.encoding_name()) + " with " + std::to_string(message.clock_rate_hz()),
                 "opus with 48000, AMR-WB with 16000, AMR, PCMU or PCMA with 8000");
  }
  format.codec.codec = *codec;
  const bool is_opus = *codec == codec::Codec::kOpus;
  if (message.channels() > (is_opus ? 2u : 1u)) {
    return IsBut(field + ".channels", message.channels(), is_opus ? "0, 1 or 2" : "0 or 1");
  }
  if (*codec == codec::Codec::kAmr || *codec == codec::Codec::kAmrWb) {
    auto amr = ToAmr(message, *codec, field);
    if (!amr) return amr.error();
    format.codec.amr = *amr;
  }
  if (is_opus) {
    auto opus = ToOpus(message, field);
    if (!opus) return opus.error();
    format.codec.opus = *opus;
  }
  const auto ptime = ToPacketTime(message, field);
  if (!ptime) return ptime.error();
  format.codec.ptime_ms = is_opus ? std::min<uint16_t>(*ptime, 60) : *ptime;
  if (const auto error = codec::CheckFormat(format.codec)) {
    return field + " cannot be used: " + std::string(codec::FormatErrorName(*error));
  }
  return format;
}

Checked<Valid> AddTelephoneEvents(const proto::AudioFormat& message, const std::string& field,
                                  pipeline::StreamFormat& format) {
  for (int i = 0; i < message.telephone_events_size(); ++i) {
    const proto::TelephoneEventCodec& event = message.telephone_events(i);
    const std::string name = field + ".telephone_events[" + std::to_string(i) + "]";
    const auto payload_type = ToPayloadType(event.payload_type(), name + ".payload_type");
    if (!payload_type) return payload_type.error();
    const uint32_t rate = event.clock_rate_hz();
    if (rate != 8000 && rate != 16'000 && rate != 48'000) {
      return IsBut(name + ".clock_rate_hz", rate, "8000, 16000 or 48000");
    }
    if (!format.telephone_events.PushBack({*payload_type, rate})) {
      return field + ".telephone_events has " + std::to_string(message.telephone_events_size()) +
             " entries, but at most " + std::to_string(pipeline::kMaxTelephoneEventFormats) + " are allowed";
    }
  }
  return Valid{};
}

Checked<AudioDescription> ToAudio(const proto::AudioFormat& message, const std::string& field) {
  AudioDescription audio;
  auto send = ToFormat(message.send(), field + ".send");
  if (!send) return send.error();
  audio.send = *send;
  if (auto valid = AddTelephoneEvents(message, field, audio.send); !valid) return valid.error();
  if (message.receive_size() > 16) {
    return field + ".receive has " + std::to_string(message.receive_size()) + " entries, but at most 16 are allowed";
  }
  std::bitset<128> used;
  for (const auto& event : audio.send.telephone_events) {
    if (used.test(event.payload_type)) {
      return IsBut(field + ".telephone_events", event.payload_type, "payload types used once");
    }
    used.set(event.payload_type);
  }
  if (message.red_payload_type() != 0) {
    const auto red = ToPayloadType(message.red_payload_type(), field + ".red_payload_type");
    if (!red) return red.error();
    if (used.test(*red)) return IsBut(field + ".red_payload_type", *red, "used once in the leg");
    used.set(*red);
  }
  bool holds_sent_codec = false;
  for (int i = 0; i < message.receive_size(); ++i) {
    const std::string name = field + ".receive[" + std::to_string(i) + "]";
    auto format = ToFormat(message.receive(i), name);
    if (!format) return format.error();
    if (used.test(format->payload_type)) {
      return IsBut(name + ".payload_type", format->payload_type, "used once in the leg");
    }
    used.set(format->payload_type);
    format->telephone_events = audio.send.telephone_events;
    if (message.red_payload_type() != 0) {
      format->red_payload_type = static_cast<uint8_t>(message.red_payload_type());
    }
    holds_sent_codec |= format->codec.codec == audio.send.codec.codec;
    audio.receive.push_back(std::move(format).value());
  }
  if (!holds_sent_codec) {
    return field + ".receive lacks " + std::string(codec::CodecName(audio.send.codec.codec)) +
           ", but must hold the codec of " + field + ".send";
  }
  return audio;
}

Checked<std::optional<session::Direction>> ToDirection(proto::Direction direction, const std::string& field) {
  using Optional = std::optional<session::Direction>;
  switch (direction) {
    case proto::DIRECTION_UNSPECIFIED: return Optional();
    case proto::DIRECTION_SENDRECV: return Optional(session::Direction::kSendRecv);
    case proto::DIRECTION_SENDONLY: return Optional(session::Direction::kSendOnly);
    case proto::DIRECTION_RECVONLY: return Optional(session::Direction::kRecvOnly);
    case proto::DIRECTION_INACTIVE: return Optional(session::Direction::kInactive);
    default: return IsBut(field + ".direction", static_cast<uint64_t>(direction), "0 to 4");
  }
}

Checked<std::optional<session::IceCredentials>> ToIce(const proto::AccessRemote& message, const std::string& field) {
  using Optional = std::optional<session::IceCredentials>;
  const std::string& ufrag = message.ice_ufrag();
  const std::string& pwd = message.ice_pwd();
  if (ufrag.empty() && pwd.empty()) return Optional();
  if (ufrag.size() < 4 || ufrag.size() > 256 || !IsIceText(ufrag)) {  // RFC 8839 section 5.4
    return IsBut(field + ".ice_ufrag", Quoted(ufrag), "4 to 256 of [A-Za-z0-9+/]");
  }
  if (pwd.size() < 22 || pwd.size() > 256 || !IsIceText(pwd)) {
    return field + ".ice_pwd has " + std::to_string(pwd.size()) + " characters, but must be 22 to 256 of [A-Za-z0-9+/]";
  }
  return Optional(session::IceCredentials{ufrag, pwd});
}

Checked<std::vector<dtls::DtlsFingerprint>> ToFingerprints(const proto::AccessRemote& message,
                                                           const std::string& field) {
  std::vector<dtls::DtlsFingerprint> fingerprints;
  if (message.fingerprints_size() > 16) {
    return field + ".fingerprints has " + std::to_string(message.fingerprints_size()) +
           " entries, but at most 16 are allowed";
  }
  std::string refused;
  for (const proto::DtlsFingerprint& one : message.fingerprints()) {
    if (const auto parsed = dtls::DtlsFingerprint::Parse(one.algorithm(), one.value())) {
      fingerprints.push_back(*parsed);
    } else {
      refused = Quoted(one.algorithm() + " " + one.value());
    }
  }
  // Others may stand beside one that we accept: RFC 8122 section 5.
  if (!refused.empty() && fingerprints.empty()) {
    return IsBut(field + ".fingerprints", refused,
                 "sha-256, sha-384 or sha-512 with as many bytes in the form AA:BB:...");
  }
  return fingerprints;
}

// Absent when the message is.
Checked<std::optional<net::SocketAddress>> ToAddress(const proto::SocketAddress& message, const std::string& field,
                                                     bool is_v4) {
  const auto ip = net::IpAddress::Parse(message.ip());
  if (!ip) return IsBut(field + ".ip", Quoted(message.ip()), "an IPv4 or IPv6 address");
  if (message.port() > 65535) return IsBut(field + ".port", message.port(), "0 to 65535");
  if (ip->is_multicast() || ip->is_broadcast()) {
    return IsBut(field + ".ip", Quoted(message.ip()), "a unicast address");
  }
  if (!ip->is_unspecified() && ip->is_v4() != is_v4) {
    return IsBut(field + ".ip", Quoted(message.ip()),
                 is_v4 ? "an IPv4 address, as the leg's own" : "an IPv6 address, as the leg's own");
  }
  return std::optional(net::SocketAddress{*ip, static_cast<uint16_t>(message.port())});
}

Checked<const pipeline::AudioClip*> ToClip(const std::string& name, const std::string& field,
                                           const pipeline::AnnouncementSet* announcements) {
  if (announcements != nullptr) {
    if (const auto found = announcements->find(name); found != announcements->end()) {
      return &found->second;
    }
  }
  std::string known;
  for (const auto& entry : announcements ? *announcements : pipeline::AnnouncementSet()) {
    known += (known.empty() ? "" : ", ") + entry.first;
  }
  return IsBut(field, Quoted(name), known.empty() ? "absent: this node has no announcements" : "one of " + known);
}

Checked<pipeline::HoldAudio> ToHoldAudio(const proto::HoldAudio& message, const std::string& field,
                                         const pipeline::AnnouncementSet* announcements) {
  pipeline::HoldAudio hold{.only_when_silent = message.only_when_silent()};
  switch (message.kind()) {
    case proto::HoldAudio::KIND_UNSPECIFIED: hold.kind = pipeline::HoldAudio::Kind::kNone; return hold;
    case proto::HoldAudio::KIND_SILENCE: hold.kind = pipeline::HoldAudio::Kind::kSilence; return hold;
    case proto::HoldAudio::KIND_COMFORT_NOISE: hold.kind = pipeline::HoldAudio::Kind::kComfortNoise; return hold;
    case proto::HoldAudio::KIND_ANNOUNCEMENT: {
      hold.kind = pipeline::HoldAudio::Kind::kAnnouncement;
      auto clip = ToClip(message.announcement(), field + ".announcement", announcements);
      if (!clip) return clip.error();
      hold.clip = *clip;
      return hold;
    }
    default: return IsBut(field + ".kind", static_cast<uint64_t>(message.kind()), "0 to 3");
  }
}

bool IsEmpty(const proto::AudioFormat& audio) { return audio.ByteSizeLong() == 0; }

}  // namespace

Checked<Valid> CheckSessionId(const std::string& session_id) {
  if (session_id.empty() || session_id.size() > 64 || !IsIdText(session_id)) {
    return IsBut("session_id", Quoted(session_id), "1 to 64 of [A-Za-z0-9_-]");
  }
  return Valid{};
}

Checked<Valid> CheckControllerId(const std::string& controller_id) {
  const bool is_printable = std::ranges::all_of(controller_id, [](char c) { return c > ' ' && c <= '~'; });
  if (controller_id.empty() || controller_id.size() > 128 || !is_printable) {
    return IsBut("controller_id", Quoted(controller_id), "1 to 128 printable ASCII characters");
  }
  return Valid{};
}

Checked<session::AccessRemote> ToDomain(const proto::AccessRemote& message, const std::string& field,
                                        const pipeline::AnnouncementSet* announcements) {
  session::AccessRemote remote;
  auto ice = ToIce(message, field);
  if (!ice) return ice.error();
  remote.ice = *ice;
  auto fingerprints = ToFingerprints(message, field);
  if (!fingerprints) return fingerprints.error();
  remote.fingerprints = *fingerprints;
  switch (message.gateway_dtls_role()) {
    case proto::DTLS_ROLE_UNSPECIFIED: break;
    case proto::DTLS_ROLE_CLIENT: remote.gateway_dtls_role = dtls::DtlsRole::kClient; break;
    case proto::DTLS_ROLE_SERVER: remote.gateway_dtls_role = dtls::DtlsRole::kServer; break;
    default: return IsBut(field + ".gateway_dtls_role", static_cast<uint64_t>(message.gateway_dtls_role()), "0 to 2");
  }
  if (message.has_audio() && !IsEmpty(message.audio())) {
    auto audio = ToAudio(message.audio(), field + ".audio");
    if (!audio) return audio.error();
    remote.audio = *audio;
  }
  auto direction = ToDirection(message.direction(), field);
  if (!direction) return direction.error();
  remote.direction = *direction;
  // Browsers always speak AVPF (RFC 8834 section 4.3). A change of hold or mute alone says nothing of
  // RTCP.
  if (remote.audio || message.has_rtcp_xr()) {
    remote.rtcp_parameters =
        session::RtcpParameters{.is_avpf = true,
                                .bandwidth_bps = std::nullopt,
                                .wants_voip_metrics = message.rtcp_xr().voip_metrics(),
                                .answers_reference_time = message.rtcp_xr().receiver_reference_time()};
  }
  if (message.has_muted()) remote.is_muted = message.muted();
  if (message.has_hold_audio()) {
    auto hold = ToHoldAudio(message.hold_audio(), field + ".hold_audio", announcements);
    if (!hold) return hold.error();
    remote.hold_audio = *hold;
  }
  return remote;
}

Checked<session::ImsRemote> ToDomain(const proto::ImsRemote& message, const std::string& field, bool is_v4,
                                     const pipeline::AnnouncementSet* announcements) {
  session::ImsRemote remote;
  if (message.has_rtp()) {
    auto rtp = ToAddress(message.rtp(), field + ".rtp", is_v4);
    if (!rtp) return rtp.error();
    remote.rtp = *rtp;
  }
  if (message.has_rtcp()) {
    auto rtcp = ToAddress(message.rtcp(), field + ".rtcp", is_v4);
    if (!rtcp) return rtcp.error();
    remote.rtcp = *rtcp;
  }
  remote.rtcp_mux = message.rtcp_mux();
  remote.rtcp_parameters =
      session::RtcpParameters{.is_avpf = message.use_avpf(),
                              .bandwidth_bps = std::nullopt,
                              .wants_voip_metrics = message.rtcp_xr().voip_metrics(),
                              .answers_reference_time = message.rtcp_xr().receiver_reference_time()};
  if (message.has_rtcp_bandwidth_bps()) {
    if (message.rtcp_bandwidth_bps() > kMostRtcpBandwidthBps) {
      return IsBut(field + ".rtcp_bandwidth_bps", message.rtcp_bandwidth_bps(),
                   "0 to " + std::to_string(kMostRtcpBandwidthBps));
    }
    remote.rtcp_parameters->bandwidth_bps = message.rtcp_bandwidth_bps();
  }
  if (message.has_audio() && !IsEmpty(message.audio())) {
    auto audio = ToAudio(message.audio(), field + ".audio");
    if (!audio) return audio.error();
    remote.audio = *audio;
  }
  auto direction = ToDirection(message.direction(), field);
  if (!direction) return direction.error();
  remote.direction = *direction;
  remote.symmetric_rtp = message.symmetric_rtp();
  if (message.dscp() > 63) return IsBut(field + ".dscp", message.dscp(), "0 to 63");
  remote.dscp = static_cast<uint8_t>(message.dscp());
  remote.stream_id = message.stream_id();
  if (message.has_muted()) remote.is_muted = message.muted();
  if (message.has_hold_audio()) {
    auto hold = ToHoldAudio(message.hold_audio(), field + ".hold_audio", announcements);
    if (!hold) return hold.error();
    remote.hold_audio = *hold;
  }
  return remote;
}

Checked<session::Leg> ToDomain(proto::Leg leg) {
  if (leg == proto::LEG_ACCESS) return session::Leg::kAccess;
  if (leg == proto::LEG_IMS) return session::Leg::kIms;
  return IsBut("leg", static_cast<uint64_t>(leg), "LEG_ACCESS or LEG_IMS");
}

Checked<worker::SendDtmf> ToDomain(const proto::SendDtmfRequest& request) {
  worker::SendDtmf dtmf;
  const auto leg = ToDomain(request.leg());
  if (!leg) return leg.error();
  dtmf.leg = *leg;
  const bool is_digits = std::ranges::all_of(
      request.digits(), [](char c) { return std::string_view("0123456789*#ABCD").find(c) != std::string_view::npos; });
  if (request.digits().empty() || request.digits().size() > dtmf.digits.capacity() || !is_digits) {
    return IsBut("digits", Quoted(request.digits()), "1 to 32 of 0-9 * # A-D");
  }
  for (const char digit : request.digits()) (void)dtmf.digits.PushBack(digit);
  const auto is_allowed = [](uint32_t value, uint32_t least) {
    return value == 0 || (value >= least && value <= 6000);
  };
  if (!is_allowed(request.duration_ms(), 40)) {
    return IsBut("duration_ms", request.duration_ms(), "0 or 40 to 6000");
  }
  if (!is_allowed(request.gap_ms(), 30)) {
    return IsBut("gap_ms", request.gap_ms(), "0 or 30 to 6000");
  }
  if (request.duration_ms() != 0) {
    dtmf.duration = base::TimeDelta::Milliseconds(request.duration_ms());
  }
  if (request.gap_ms() != 0) dtmf.gap = base::TimeDelta::Milliseconds(request.gap_ms());
  return dtmf;
}

Checked<worker::PlayTone> ToDomain(const proto::PlayToneRequest& request) {
  worker::PlayTone play;
  const auto leg = ToDomain(request.leg());
  if (!leg) return leg.error();
  play.leg = *leg;
  switch (request.tone()) {
    case proto::TONE_NONE: play.tone = pipeline::Tone::kNone; break;
    case proto::TONE_RINGBACK: play.tone = pipeline::Tone::kRingback; break;
    case proto::TONE_BUSY: play.tone = pipeline::Tone::kBusy; break;
    case proto::TONE_CONGESTION: play.tone = pipeline::Tone::kCongestion; break;
    default: return IsBut("tone", static_cast<uint64_t>(request.tone()), "0 to 3");
  }
  return play;
}

Checked<worker::PlayAnnouncement> ToDomain(const proto::PlayAnnouncementRequest& request,
                                           const pipeline::AnnouncementSet* announcements) {
  worker::PlayAnnouncement play;
  const auto leg = ToDomain(request.leg());
  if (!leg) return leg.error();
  play.leg = *leg;
  if (request.announcement().empty()) return play;
  auto clip = ToClip(request.announcement(), "announcement", announcements);
  if (!clip) return clip.error();
  play.clip = *clip;
  play.loop = request.loop();
  const std::string& id = request.playback_id();
  if (id.empty() || id.size() > 64 || !IsIdText(id)) {
    return IsBut("playback_id", Quoted(id), "1 to 64 of [A-Za-z0-9_-]");
  }
  play.playback_id = session::ShortText(id);
  return play;
}

}  // namespace byon::rpc
