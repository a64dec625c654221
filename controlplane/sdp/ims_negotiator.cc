#include "controlplane/sdp/ims_negotiator.h"

#include <algorithm>
#include <charconv>

#include "controlplane/sdp/bandwidth.h"
#include "controlplane/sdp/media_attributes.h"

namespace byon::sdp {
namespace {

// Dynamic payload types of our offers (any of 96..127 would do, RFC 3551 section 6).
constexpr uint8_t kAmrWbPayloadType = 107;
constexpr uint8_t kAmrWbOctetAlignedPayloadType = 106;
constexpr uint8_t kAmrPayloadType = 105;
constexpr uint8_t kAmrOctetAlignedPayloadType = 104;
constexpr uint8_t kOpusPayloadType = 109;
constexpr uint8_t kFullEventPayloadType = 100;  // telephone-event/48000
constexpr uint8_t kWideEventPayloadType = 101;
constexpr uint8_t kNarrowEventPayloadType = 102;

// Fullband speech (RFC 7587 section 3.1.1), and the longest packet of Opus (RFC 6716 section 2.1.4).
constexpr uint32_t kOpusBitrateBps = 40'000;
constexpr uint16_t kOpusMaxPtimeMs = 120;

// RTCP bandwidth of a point-to-point voice call, bit/s (TS 26.114 section 7.3.1).
constexpr uint32_t kRtcpSenderBps = 512;
constexpr uint32_t kRtcpReceiverBps = 1537;
constexpr uint32_t kMostRtcpBps = 100'000;  // more is never used by two members

constexpr size_t kMaxEvents = 2;  // more than one of a clock makes no sense

constexpr uint16_t kFirstUnprivilegedPort = 1024;

std::string_view NameOf(ImsCodec codec) {
  switch (codec) {
    case ImsCodec::kAmrWb: return "AMR-WB";
    case ImsCodec::kAmr: return "AMR";
    case ImsCodec::kPcmu: return "PCMU";
    case ImsCodec::kPcma: return "PCMA";
    case ImsCodec::kOpus: return "opus";
  }
  return "";
}

AudioCodec MakeCodec(ImsCodec kind, uint8_t payload_type, bool octet_align, const ImsConfig& config) {
  AudioCodec codec;
  codec.payload_type = payload_type;
  codec.encoding_name = NameOf(kind);
  codec.clock_rate_hz = kind == ImsCodec::kOpus ? 48000 : kind == ImsCodec::kAmrWb ? 16000 : 8000;
  codec.octet_align = octet_align;
  codec.ptime_ms = config.ptime_ms;
  codec.max_ptime_ms = config.max_ptime_ms;
  if (kind != ImsCodec::kOpus) return codec;
  codec.channels = 2;  // RFC 7587 section 7: always, also of mono
  codec.use_inband_fec = true;
  codec.max_average_bitrate_bps = kOpusBitrateBps;
  codec.max_ptime_ms = std::min(config.max_ptime_ms, kOpusMaxPtimeMs);
  return codec;
}

AudioFormat MakeOffered(const ImsConfig& config) {
  AudioFormat format;
  bool has_full = false;
  bool has_wide = false;
  bool has_narrow = false;
  for (ImsCodec kind : config.codecs) {
    bool is_wide = kind == ImsCodec::kAmrWb;
    if (kind == ImsCodec::kOpus) {
      has_full = true;
      format.receive.push_back(MakeCodec(kind, kOpusPayloadType, false, config));
      continue;
    }
    (is_wide ? has_wide : has_narrow) = true;
    if (kind == ImsCodec::kPcmu || kind == ImsCodec::kPcma) {
      format.receive.push_back(MakeCodec(kind, kind == ImsCodec::kPcmu ? 0 : 8, false, config));
      continue;
    }
    format.receive.push_back(MakeCodec(kind, is_wide ? kAmrWbPayloadType : kAmrPayloadType, false, config));
    if (!config.offer_octet_aligned) continue;
    format.receive.push_back(
        MakeCodec(kind, is_wide ? kAmrWbOctetAlignedPayloadType : kAmrOctetAlignedPayloadType, true, config));
  }
  if (has_full) format.telephone_events.push_back({kFullEventPayloadType, 48000});
  if (has_wide) format.telephone_events.push_back({kWideEventPayloadType, 16000});
  if (has_narrow) format.telephone_events.push_back({kNarrowEventPayloadType, 8000});
  if (!format.receive.empty()) format.send = format.receive.front();
  return format;
}

bool IsUnspecified(const std::string& ip) { return ip == "0.0.0.0" || ip == "::"; }

bool IsUnicast(const std::string& ip) {
  if (IsIpv6(ip)) return !EqualsIgnoreCase(std::string_view(ip).substr(0, 2), "ff");
  int first = 0;
  std::from_chars(ip.data(), ip.data() + ip.size(), first);
  return first != 0 && first < 224;
}

template <typename T>
bool ParseLeading(std::string_view text, T& value) {
  return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc();
}

// a=rtcp:53020 or a=rtcp:53020 IN IP4 126.16.64.4 (RFC 3605).
std::optional<TransportAddress> ReadRtcp(const MediaSection& media, const std::string& default_ip) {
  const Attribute* attribute = FindAttribute(media.attributes, "rtcp");
  if (!attribute || !attribute->value) return std::nullopt;
  TransportAddress address{default_ip, 0};
  if (!ParseLeading(*attribute->value, address.port)) return std::nullopt;
  size_t last_space = attribute->value->rfind(' ');
  if (last_space != std::string::npos) address.ip = attribute->value->substr(last_space + 1);
  bool is_address = IsIpv4(address.ip) || IsIpv6(address.ip);
  bool is_usable =
      is_address && !IsUnspecified(address.ip) && IsUnicast(address.ip) && address.port >= kFirstUnprivilegedPort;
  return is_usable ? std::optional(address) : std::nullopt;
}

// RFC 3556: what senders and receivers may use together, when both are said.
std::optional<uint32_t> ReadRtcpBandwidth(const MediaSection& section) {
  std::optional<uint32_t> senders;
  std::optional<uint32_t> receivers;
  for (const Bandwidth& bandwidth : section.bandwidths) {
    if (bandwidth.modifier == "RS") senders = bandwidth.value;
    if (bandwidth.modifier == "RR") receivers = bandwidth.value;
  }
  if (!senders || !receivers) return std::nullopt;
  return std::min(*senders, kMostRtcpBps) + std::min(*receivers, kMostRtcpBps);
}

Outcome<ImsMedia> ReadTransport(const SessionDescription& session, const MediaSection& section) {
  ImsMedia media;
  if (section.protocol != "RTP/AVP" && section.protocol != "RTP/AVPF") {
    return Error{"The audio is not sent as RTP/AVP or RTP/AVPF."};
  }
  media.use_avpf = section.protocol == "RTP/AVPF";
  const auto& connection = section.connection ? section.connection : session.connection;
  if (!connection) return Error{"The audio has no c= line."};
  media.direction = Reversed(ReadDirection(session, section));
  media.rtcp_mux = FindAttribute(section.attributes, "rtcp-mux") != nullptr;
  media.rtcp_xr = ReadRtcpXr(session, section);
  media.rtcp_bandwidth_bps = ReadRtcpBandwidth(section);
  // The old way to hold a call (RFC 3264 section 8.4): nothing may be sent there.
  if (IsUnspecified(connection->address) || section.port == 0) {
    media.direction = Intersect(media.direction, Direction::kRecvOnly);
    return media;
  }
  if (!IsUnicast(connection->address)) return Error{"The audio's address is not a unicast address."};
  if (section.port < kFirstUnprivilegedPort) return Error{"The audio's port is below 1024."};
  media.rtp = TransportAddress{connection->address, section.port};
  media.rtcp = ReadRtcp(section, connection->address);
  return media;
}

Outcome<size_t> FindAudio(const SessionDescription& session) {
  for (size_t i = 0; i < session.media.size(); ++i) {
    if (session.media[i].media == "audio" && session.media[i].port != 0) return i;
  }
  for (size_t i = 0; i < session.media.size(); ++i) {
    if (session.media[i].media == "audio") return i;
  }
  return Error{"The SDP has no audio."};
}

// The modes that both allow; nothing when none is left.
std::optional<std::vector<uint8_t>> IntersectModes(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  std::vector<uint8_t> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both.empty() ? std::nullopt : std::optional(both);
}

void ApplyPacketTimes(const MediaSection& section, AudioCodec& codec) {
  uint16_t max = ReadPacketTime(section, "maxptime").value_or(0);
  uint16_t wish = ReadPacketTime(section, "ptime").value_or(20);
  if (max != 0) wish = std::min(wish, max);
  // Frames are 20 ms; more than 60 ms in a packet only adds delay.
  codec.ptime_ms = static_cast<uint16_t>(std::clamp<uint16_t>(wish, 20, 60) / 20 * 20);
  codec.max_ptime_ms = max == 0 ? max : std::max<uint16_t>(max, 20);
}

// What the peer says of Opus is what it wants to get (RFC 7587 section 7.1); ours is what we offer. A telephone is
// mono.
void ApplyOpus(const ImsConfig& config, AudioFormat& audio) {
  audio.send.stereo = false;
  for (AudioCodec& codec : audio.receive) {
    if (codec.encoding_name != "opus") continue;
    const AudioCodec ours = MakeCodec(ImsCodec::kOpus, codec.payload_type, false, config);
    codec.use_inband_fec = ours.use_inband_fec;
    codec.use_dtx = ours.use_dtx;
    codec.stereo = ours.stereo;
    codec.max_average_bitrate_bps = ours.max_average_bitrate_bps;
    codec.max_playback_rate_hz = ours.max_playback_rate_hz;
  }
}

// A receiver of AMR takes silence frames at any time (RFC 4867 section 3.1): it is the sender's choice. One of Opus
// says whether it wants them (RFC 7587 section 6.1, usedtx).
void ApplyDtx(const ImsConfig& config, AudioCodec& send) {
  if (send.encoding_name != "opus") send.use_dtx = config.uses_dtx && send.encoding_name.starts_with("AMR");
}

// Events with the clock of the codec; when the peer has none such, what it has.
std::vector<TelephoneEvent> ReadEvents(const std::vector<OfferedCodec>& codecs, uint32_t clock_rate_hz) {
  std::vector<TelephoneEvent> matching;
  std::vector<TelephoneEvent> others;
  for (const OfferedCodec& codec : codecs) {
    auto event = ReadTelephoneEvent(codec);
    if (!event) continue;
    if (event->clock_rate_hz != 8000 && event->clock_rate_hz != 16000 && event->clock_rate_hz != 48000) continue;
    (event->clock_rate_hz == clock_rate_hz ? matching : others).push_back(*event);
  }
  auto& found = matching.empty() ? others : matching;
  if (found.size() > kMaxEvents) found.resize(kMaxEvents);
  return found;
}

// The codec of our offer that an answer's codec means.
const AudioCodec* Match(const AudioFormat& offered, const AudioCodec& answered) {
  const AudioCodec* by_parameters = nullptr;
  for (const AudioCodec& codec : offered.receive) {
    if (codec.encoding_name != answered.encoding_name) continue;
    // The payload type says which one is meant, even if the answer forgets octet-align.
    if (codec.payload_type == answered.payload_type) return &codec;
    if (codec.octet_align == answered.octet_align && !by_parameters) by_parameters = &codec;
  }
  return by_parameters;
}

Outcome<AudioFormat> MatchAnswer(const MediaSection& section, const AudioFormat& offered) {
  auto codecs = ReadCodecs(section);
  if (!codecs) return codecs.error();
  AudioFormat audio;
  for (const OfferedCodec& candidate : *codecs) {
    auto codec = ReadAudioCodec(candidate);
    if (!codec) continue;
    const AudioCodec* ours = Match(offered, *codec);
    if (!ours) continue;
    bool is_known = std::any_of(audio.receive.begin(), audio.receive.end(),
                                [&](const AudioCodec& c) { return c.payload_type == ours->payload_type; });
    auto modes = IntersectModes(ours->mode_set, codec->mode_set);
    if (!modes || is_known) continue;
    codec->octet_align = ours->octet_align;
    codec->mode_set = *modes;
    ApplyPacketTimes(section, *codec);
    if (audio.receive.empty()) audio.send = *codec;
    codec->payload_type = ours->payload_type;
    audio.receive.push_back(*codec);
  }
  if (audio.receive.empty()) return Error{"The answer has no codec of the offer."};
  audio.telephone_events = ReadEvents(*codecs, audio.send.clock_rate_hz);
  // A peer that renumbers may hit a type that we receive a codec under: the codec is the one that
  // counts.
  std::erase_if(audio.telephone_events, [&](const TelephoneEvent& event) {
    return std::any_of(audio.receive.begin(), audio.receive.end(),
                       [&](const AudioCodec& c) { return c.payload_type == event.payload_type; });
  });
  return audio;
}

// Of "curr" and "conf": type and status type; of "des" the strength stands between them.
bool IsSegmentedQos(const Attribute& a) {
  std::string_view value = *a.value;
  if (!value.starts_with("qos ")) return false;
  value.remove_prefix(4);
  if (a.name == "des") value.remove_prefix(std::min(value.size(), value.find(' ') + 1));
  return value.starts_with("local ") || value.starts_with("remote ");
}

bool NeedsUnknownPreconditions(const MediaSection& section) {
  return std::any_of(section.attributes.begin(), section.attributes.end(), [](const Attribute& a) {
    return a.name == "des" && a.value && a.value->find(" mandatory ") != std::string::npos && !IsSegmentedQos(a);
  });
}

std::optional<Preconditions> ReadPreconditions(const MediaSection& section) {
  Preconditions result;
  bool is_used = false;
  for (const Attribute& a : section.attributes) {
    if ((a.name != "curr" && a.name != "des" && a.name != "conf") || !a.value) continue;
    std::string_view value = *a.value;
    if (!IsSegmentedQos(a)) continue;
    is_used = true;
    value.remove_prefix(4);
    // The peer's local is our remote.
    if (a.name == "curr" && value.starts_with("local ")) result.is_remote_met = !value.ends_with("none");
    if (a.name == "curr" && value.starts_with("remote ")) result.is_local_met = !value.ends_with("none");
    if (a.name == "des" && value.starts_with("mandatory local ")) result.is_remote_mandatory = true;
    if (a.name == "conf" && value.starts_with("remote ")) result.wants_confirmation = true;
  }
  return is_used ? std::optional(result) : std::nullopt;
}

void AppendPreconditions(MediaSection& media, const Preconditions& state) {
  auto current = [](bool is_met) { return is_met ? "sendrecv" : "none"; };
  media.attributes.push_back({"curr", std::string("qos local ") + current(state.is_local_met)});
  media.attributes.push_back({"curr", std::string("qos remote ") + current(state.is_remote_met)});
  media.attributes.push_back({"des", "qos mandatory local sendrecv"});
  std::string strength = state.is_remote_mandatory ? "mandatory" : "optional";
  media.attributes.push_back({"des", "qos " + strength + " remote sendrecv"});
  if (state.wants_confirmation) media.attributes.push_back({"conf", "qos remote sendrecv"});
}

void AppendRtcpXr(MediaSection& media, const RtcpXr& xr) {
  if (std::string text = RtcpXrText(xr); !text.empty()) media.attributes.push_back({"rtcp-xr", text});
}

SessionDescription StartDescription(const ImsLocal& local, OriginId origin) {
  SessionDescription session;
  session.origin.session_id = std::to_string(origin.session_id);
  session.origin.session_version = std::to_string(origin.version);
  session.origin.address = local.rtp.ip;
  session.connection = Connection{local.rtp.ip};
  return session;
}

MediaSection MakeAudio(const std::string& protocol, const std::vector<AudioCodec>& codecs,
                       const std::vector<TelephoneEvent>& events, const ImsLocal& local, const ImsConfig& config) {
  MediaSection media;
  media.media = "audio";
  media.port = local.rtp.port;
  media.protocol = protocol;
  media.bandwidths = {{"AS", BandwidthKbps(codecs, config.ptime_ms, IsIpv6(local.rtp.ip))},
                      {"RS", kRtcpSenderBps},
                      {"RR", kRtcpReceiverBps}};
  for (const AudioCodec& codec : codecs) AppendCodec(media, codec);
  for (const TelephoneEvent& event : events) AppendTelephoneEvent(media, event);
  media.attributes.push_back({"ptime", std::to_string(config.ptime_ms)});
  media.attributes.push_back({"maxptime", std::to_string(config.max_ptime_ms)});
  bool is_next_port = local.rtcp.ip == local.rtp.ip && local.rtcp.port == local.rtp.port + 1;
  if (local.rtcp.port != 0 && !is_next_port) {
    media.attributes.push_back({"rtcp", std::to_string(local.rtcp.port)});
  }
  return media;
}

MediaSection Refused(const MediaSection& offered) {
  MediaSection media;
  media.media = offered.media;
  media.protocol = offered.protocol;
  media.formats = offered.formats;
  return media;
}

}  // namespace

ImsNegotiator::ImsNegotiator(ImsConfig config) : config_(std::move(config)), offered_(MakeOffered(config_)) {}

std::string ImsNegotiator::BuildOffer(const AudioFormat& audio, const ImsLocal& local, OriginId origin,
                                      Direction direction, const std::optional<Preconditions>& preconditions) const {
  SessionDescription session = StartDescription(local, origin);
  MediaSection media =
      MakeAudio(config_.use_avpf ? "RTP/AVPF" : "RTP/AVP", audio.receive, audio.telephone_events, local, config_);
  if (preconditions) AppendPreconditions(media, *preconditions);
  // Phones without extended reports pass it over (RFC 8866 section 5.13).
  AppendRtcpXr(media, {.voip_metrics = true, .receiver_reference_time = true});
  media.attributes.push_back({std::string(ToString(direction)), std::nullopt});
  session.media.push_back(std::move(media));
  return Serialize(session);
}

Outcome<ImsAnswer> ImsNegotiator::ReadAnswer(std::string_view text, const AudioFormat& audio) const {
  auto session = ParseSessionDescription(text);
  if (!session) return session.error();
  auto index = FindAudio(*session);
  if (!index) return index.error();
  const MediaSection& section = session->media[*index];
  if (section.port == 0) return Error{"The answer refuses the audio."};
  auto media = ReadTransport(*session, section);
  if (!media) return media.error();
  auto matched = MatchAnswer(section, audio);
  if (!matched) return matched.error();
  ImsAnswer answer{std::move(media).value(), ReadPreconditions(section)};
  answer.media.audio = std::move(matched).value();
  ApplyDtx(config_, answer.media.audio.send);
  ApplyOpus(config_, answer.media.audio);
  return answer;
}

Outcome<ImsOffer> ImsNegotiator::ReadOffer(std::string_view text) const {
  auto session = ParseSessionDescription(text);
  if (!session) return session.error();
  auto index = FindAudio(*session);
  if (!index) return index.error();
  const MediaSection& section = session->media[*index];
  auto media = ReadTransport(*session, section);
  if (!media) return media.error();
  auto codecs = ReadCodecs(section);
  if (!codecs) return codecs.error();
  std::optional<AudioCodec> chosen;
  for (ImsCodec kind : config_.codecs) {
    for (const OfferedCodec& candidate : *codecs) {
      auto codec = ReadAudioCodec(candidate);
      if (!chosen && codec && codec->encoding_name == NameOf(kind)) chosen = codec;
    }
  }
  if (!chosen) return Error{"The offer has no codec that the gateway may use."};
  ApplyPacketTimes(section, *chosen);
  ImsOffer offer;
  offer.audio_index = *index;
  offer.is_disabled = section.port == 0;
  offer.preconditions = ReadPreconditions(section);
  offer.needs_unknown_preconditions = NeedsUnknownPreconditions(section);
  offer.media = std::move(media).value();
  offer.media.audio.send = *chosen;
  offer.media.audio.receive = {*chosen};
  ApplyDtx(config_, offer.media.audio.send);
  ApplyOpus(config_, offer.media.audio);
  offer.media.audio.telephone_events = ReadEvents(*codecs, chosen->clock_rate_hz);
  offer.description = std::move(session).value();
  return offer;
}

std::string ImsNegotiator::BuildAnswer(const ImsOffer& offer, const ImsLocal& local, OriginId origin,
                                       Direction direction, const std::optional<Preconditions>& preconditions) const {
  SessionDescription session = StartDescription(local, origin);
  for (size_t i = 0; i < offer.description.media.size(); ++i) {
    const MediaSection& offered = offer.description.media[i];
    if (i != offer.audio_index || offer.is_disabled) {
      session.media.push_back(Refused(offered));
      continue;
    }
    MediaSection media =
        MakeAudio(offered.protocol, offer.media.audio.receive, offer.media.audio.telephone_events, local, config_);
    if (preconditions) AppendPreconditions(media, *preconditions);
    AppendRtcpXr(media, offer.media.rtcp_xr);
    Direction agreed = Intersect(direction, Reversed(ReadDirection(offer.description, offered)));
    media.attributes.push_back({std::string(ToString(agreed)), std::nullopt});
    session.media.push_back(std::move(media));
  }
  return Serialize(session);
}

}  // namespace byon::sdp
