#include "controlplane/sdp/web_rtc_negotiator.h"

#include <algorithm>
#include <set>

#include "controlplane/sdp/media_attributes.h"

namespace byon::sdp {
namespace {

constexpr uint8_t kOpusPayloadType = 111;
constexpr uint8_t kRedPayloadType = 63;
// Of Opus speech with in-band FEC: browsers would choose 20000 and 12000, which leaves little for FEC.
constexpr uint32_t kFullbandBitrateBps = 40000;  // where the network speaks Opus too
constexpr uint32_t kWidebandBitrateBps = 32000;
constexpr uint32_t kNarrowbandBitrateBps = 20000;
constexpr uint8_t kWideEventPayloadType = 110;    // telephone-event/48000
constexpr uint8_t kNarrowEventPayloadType = 126;  // telephone-event/8000

bool IsDtlsSrtp(std::string_view protocol) {  // RFC 5764 section 8; RFC 8834 section 4.2
  return protocol == "UDP/TLS/RTP/SAVPF" || protocol == "UDP/TLS/RTP/SAVP";
}

// ice-char of RFC 8839 section 5.4.
bool IsIceText(std::string_view text, size_t min, size_t max) {
  return text.size() >= min && text.size() <= max && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
         });
}

size_t DigestBytes(std::string_view algorithm) {
  if (algorithm == "sha-256") return 32;
  if (algorithm == "sha-384") return 48;
  if (algorithm == "sha-512") return 64;
  return 0;
}

// AA:BB:... of exactly `bytes` bytes (RFC 8122 section 5).
bool IsFingerprintValue(std::string_view text, size_t bytes) {
  if (text.size() != bytes * 3 - 1) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    bool is_hex = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
    if (i % 3 == 2 ? c != ':' : !is_hex) return false;
  }
  return true;
}

std::string ToUpper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

Outcome<std::vector<Fingerprint>> ReadFingerprints(const SessionDescription& session, const MediaSection& media) {
  bool is_at_media = FindAttribute(media.attributes, "fingerprint") != nullptr;
  std::vector<Fingerprint> fingerprints;
  for (const Attribute& a : is_at_media ? media.attributes : session.attributes) {
    if (a.name != "fingerprint" || !a.value) continue;
    size_t space = a.value->find(' ');
    if (space == std::string::npos) return Error{"The a=fingerprint is not <hash> <value>."};
    Fingerprint fingerprint{ToLower(a.value->substr(0, space)), ToUpper(a.value->substr(space + 1))};
    size_t bytes = DigestBytes(fingerprint.algorithm);
    if (bytes == 0) continue;  // md5, sha-1 and hashes we do not know do not count
    if (!IsFingerprintValue(fingerprint.value, bytes)) {
      return Error{"The value of a=fingerprint does not fit its hash."};
    }
    for (const Fingerprint& other : fingerprints) {
      if (other.algorithm == fingerprint.algorithm && other.value != fingerprint.value) {
        return Error{"The SDP has two different fingerprints."};
      }
    }
    fingerprints.push_back(std::move(fingerprint));
  }
  if (fingerprints.empty()) {
    return Error{"The SDP has no a=fingerprint of sha-256 or better, so its media cannot be trusted."};
  }
  return fingerprints;
}

Outcome<AccessMedia> ReadTransport(const SessionDescription& session, const MediaSection& media) {
  if (FindAttribute(session, media, "crypto")) {
    return Error{"The audio uses a=crypto keys, only DTLS-SRTP is allowed."};
  }
  if (!IsDtlsSrtp(media.protocol)) {
    return Error{"The audio is not sent over DTLS-SRTP (UDP/TLS/RTP/SAVPF)."};
  }
  if (!FindAttribute(media.attributes, "rtcp-mux")) return Error{"The audio lacks a=rtcp-mux."};
  AccessMedia result;
  const Attribute* ufrag = FindAttribute(session, media, "ice-ufrag");
  const Attribute* pwd = FindAttribute(session, media, "ice-pwd");
  if (!ufrag || !pwd || !IsIceText(ufrag->value.value_or(""), 4, 256) || !IsIceText(pwd->value.value_or(""), 22, 256)) {
    return Error{"The audio lacks valid ICE credentials (a=ice-ufrag and a=ice-pwd)."};
  }
  result.ice_ufrag = *ufrag->value;
  result.ice_pwd = *pwd->value;
  auto fingerprints = ReadFingerprints(session, media);
  if (!fingerprints) return fingerprints.error();
  result.fingerprints = std::move(fingerprints).value();
  result.direction = Reversed(ReadDirection(session, media));
  result.rtcp_xr = ReadRtcpXr(session, media);
  return result;
}

// The best codec: Opus, else G.711 in the browser's order.
std::optional<AudioCodec> Choose(const std::vector<OfferedCodec>& offered, bool may_use_g711) {
  std::optional<AudioCodec> fallback;
  for (const OfferedCodec& candidate : offered) {
    auto codec = ReadAudioCodec(candidate);
    if (!codec) continue;
    if (codec->encoding_name == "opus") return codec;
    bool is_g711 = codec->encoding_name == "PCMU" || codec->encoding_name == "PCMA";
    if (is_g711 && may_use_g711 && !fallback) fallback = codec;
  }
  return fallback;
}

Outcome<AudioFormat> ReadAudio(const MediaSection& media, const WebRtcConfig& config) {
  auto offered = ReadCodecs(media);
  if (!offered) return offered.error();
  auto codec = Choose(*offered, config.may_use_g711);
  if (!codec) return Error{"The audio has no codec that the gateway knows; Opus is the usual one."};
  codec->ptime_ms = std::clamp<uint16_t>(ReadPacketTime(media, "ptime").value_or(20), 20, 60);
  // Our frames are 20 ms; less cannot be had, and every browser takes it.
  if (auto max = ReadPacketTime(media, "maxptime")) codec->max_ptime_ms = std::max<uint16_t>(*max, 20);
  codec->ptime_ms = static_cast<uint16_t>(codec->ptime_ms / 20 * 20);
  AudioFormat audio;
  // What the browser says of Opus is what it wants to get (RFC 7587 section 7.1); a telephone is
  // mono.
  audio.send = *codec;
  audio.send.stereo = false;
  AudioCodec receive = *codec;
  receive.stereo = false;
  if (codec->encoding_name == "opus") {
    receive.use_inband_fec = config.use_opus_fec;
    receive.use_dtx = false;
    receive.max_average_bitrate_bps = config.opus_max_average_bitrate_bps;
    receive.max_playback_rate_hz = config.opus_max_playback_rate_hz;
  }
  receive.ptime_ms = 20;
  receive.max_ptime_ms = 0;
  for (const OfferedCodec& candidate : *offered) {
    bool is_taken = config.accepts_red && !audio.red_payload_type && IsRedOf(candidate, *codec);
    if (is_taken) audio.red_payload_type = candidate.payload_type;
  }
  audio.receive.push_back(receive);
  for (uint32_t clock : {codec->clock_rate_hz, 8000u}) {
    for (const OfferedCodec& candidate : *offered) {
      auto event = ReadTelephoneEvent(candidate);
      bool is_new = event && event->clock_rate_hz == clock &&
                    std::find(audio.telephone_events.begin(), audio.telephone_events.end(), *event) ==
                        audio.telephone_events.end();
      if (is_new) audio.telephone_events.push_back(*event);
    }
  }
  return audio;
}

Outcome<size_t> FindAudio(const SessionDescription& session) {
  std::set<std::string> mids;
  for (const MediaSection& media : session.media) {
    const Attribute* mid = FindAttribute(media.attributes, "mid");
    if (mid && mid->value && !mids.insert(*mid->value).second) {
      return Error{"The SDP uses the same a=mid twice."};
    }
  }
  for (size_t i = 0; i < session.media.size(); ++i) {
    if (session.media[i].media == "audio" && session.media[i].port != 0) return i;
  }
  return Error{"The SDP has no active audio section."};
}

// Host candidates only: we are ICE-lite, our candidates are all there are (RFC 8445 section 2.5).
void AppendTransport(MediaSection& media, const AccessLocal& local) {
  media.attributes.push_back({"ice-ufrag", local.ice_ufrag});
  media.attributes.push_back({"ice-pwd", local.ice_pwd});
  for (const Candidate& c : local.candidates) {
    std::string foundation = c.foundation.empty() ? "1" : c.foundation;
    media.attributes.push_back({"candidate", foundation + " 1 udp " + std::to_string(c.priority) + ' ' + c.ip + ' ' +
                                                 std::to_string(c.port) + " typ host"});
  }
  media.attributes.push_back({"end-of-candidates", std::nullopt});
  media.attributes.push_back({"fingerprint", local.fingerprint.algorithm + ' ' + local.fingerprint.value});
  media.attributes.push_back({"rtcp-mux", std::nullopt});
}

void AppendStream(MediaSection& media, const AccessLocal& local, Direction direction) {
  media.attributes.push_back({"ptime", "20"});
  media.attributes.push_back({std::string(ToString(direction)), std::nullopt});
  if (MaySend(direction)) media.attributes.push_back({"msid", local.cname + " audio"});
  // Also while we only receive: a Chromium that is told of a source, not told of it, and told again plays it in
  // <audio> and gives a page's AudioContext silence for the rest of the call. Our reports come from it all the same.
  media.attributes.push_back({"ssrc", std::to_string(local.ssrc) + " cname:" + local.cname});
}

SessionDescription StartDescription(const AccessLocal& local, OriginId origin, const std::string& mid) {
  SessionDescription session;
  session.origin.session_id = std::to_string(origin.session_id);
  session.origin.session_version = std::to_string(origin.version);
  if (!local.candidates.empty()) session.origin.address = local.candidates.front().ip;
  if (!mid.empty()) session.attributes.push_back({"group", "BUNDLE " + mid});
  session.attributes.push_back({"ice-lite", std::nullopt});
  return session;
}

MediaSection StartAudio(const AccessLocal& local, const std::string& protocol, const std::string& mid) {
  MediaSection media;
  media.media = "audio";
  media.protocol = protocol;
  bool has_candidate = !local.candidates.empty();
  media.port = has_candidate ? local.candidates.front().port : uint16_t{9};
  media.connection = Connection{has_candidate ? local.candidates.front().ip : "0.0.0.0"};
  if (!mid.empty()) media.attributes.push_back({"mid", mid});
  return media;
}

std::string MidOf(const MediaSection& media) {
  const Attribute* mid = FindAttribute(media.attributes, "mid");
  return mid ? mid->value.value_or("") : "";
}

// A refused section keeps its place, protocol and formats (RFC 3264 section 6).
MediaSection Refused(const MediaSection& offered) {
  MediaSection media;
  media.media = offered.media;
  media.protocol = offered.protocol;
  media.formats = offered.formats;
  if (std::string mid = MidOf(offered); !mid.empty()) media.attributes.push_back({"mid", mid});
  media.attributes.push_back({"inactive", std::nullopt});
  return media;
}

}  // namespace

Outcome<WebRtcOffer> WebRtcNegotiator::ReadOffer(std::string_view text, std::optional<DtlsRole> role) const {
  auto session = ParseSessionDescription(text);
  if (!session) return session.error();
  auto index = FindAudio(*session);
  if (!index) return index.error();
  const MediaSection& section = session->media[*index];
  auto media = ReadTransport(*session, section);
  if (!media) return media.error();
  auto audio = ReadAudio(section, config_);
  if (!audio) return audio.error();
  const Attribute* setup = FindAttribute(*session, section, "setup");
  std::string wish = setup ? setup->value.value_or("") : "";
  if (wish != "actpass" && wish != "active" && wish != "passive") {
    return Error{"The audio lacks an a=setup of actpass, active or passive."};
  }
  WebRtcOffer offer{std::move(session).value(), *index, std::move(media).value()};
  offer.media.audio = std::move(audio).value();
  DtlsRole own = config_.is_dtls_client_in_answers ? DtlsRole::kClient : DtlsRole::kServer;
  offer.media.gateway_dtls_role = role.value_or(own);
  if (wish == "active") offer.media.gateway_dtls_role = DtlsRole::kServer;
  if (wish == "passive") offer.media.gateway_dtls_role = DtlsRole::kClient;
  return offer;
}

// A browser sends with the first encoding it knows, and with redundancy when that stands before its codec.
void WebRtcNegotiator::AppendAudio(MediaSection& media, AudioCodec codec, std::optional<uint8_t> red_payload_type,
                                   uint32_t network_rate_hz) const {
  if (codec.encoding_name == "opus") {
    // The whole band is what Opus has without a word (RFC 7587 section 6.1).
    const bool is_narrower = network_rate_hz < 48000;
    if (codec.max_playback_rate_hz == 0 && is_narrower) codec.max_playback_rate_hz = network_rate_hz;
    if (codec.max_average_bitrate_bps == 0) {
      codec.max_average_bitrate_bps = !is_narrower             ? kFullbandBitrateBps
                                      : network_rate_hz > 8000 ? kWidebandBitrateBps
                                                               : kNarrowbandBitrateBps;
    }
  }
  if (red_payload_type && config_.prefers_red) AppendRed(media, *red_payload_type, codec);
  AppendCodec(media, codec);
  if (red_payload_type && !config_.prefers_red) AppendRed(media, *red_payload_type, codec);
}

std::string WebRtcNegotiator::BuildAnswer(const WebRtcOffer& offer, const AccessLocal& local, OriginId origin,
                                          uint32_t network_rate_hz) const {
  const MediaSection& offered = offer.description.media[offer.audio_index];
  SessionDescription session = StartDescription(local, origin, MidOf(offered));
  for (size_t i = 0; i < offer.description.media.size(); ++i) {
    if (i != offer.audio_index) {
      session.media.push_back(Refused(offer.description.media[i]));
      continue;
    }
    MediaSection media = StartAudio(local, offered.protocol, MidOf(offered));
    AppendTransport(media, local);
    bool is_client = offer.media.gateway_dtls_role == DtlsRole::kClient;
    media.attributes.push_back({"setup", is_client ? "active" : "passive"});
    AppendAudio(media, offer.media.audio.receive.front(), offer.media.audio.red_payload_type, network_rate_hz);
    for (const TelephoneEvent& event : offer.media.audio.telephone_events) {
      AppendTelephoneEvent(media, event);
    }
    if (offer.media.rtcp_xr.receiver_reference_time) {
      media.attributes.push_back({"rtcp-xr", RtcpXrText({.receiver_reference_time = true})});
    }
    AppendStream(media, local, offer.media.direction);
    session.media.push_back(std::move(media));
  }
  return Serialize(session);
}

std::string WebRtcNegotiator::BuildOffer(const AccessLocal& local, OriginId origin, uint32_t network_rate_hz,
                                         Direction direction) const {
  SessionDescription session = StartDescription(local, origin, "0");
  MediaSection media = StartAudio(local, "UDP/TLS/RTP/SAVPF", "0");
  AppendTransport(media, local);
  media.attributes.push_back({"setup", "actpass"});
  AudioCodec opus;
  opus.payload_type = kOpusPayloadType;
  opus.encoding_name = "opus";
  opus.clock_rate_hz = 48000;
  opus.channels = 2;
  opus.use_inband_fec = config_.use_opus_fec;
  opus.max_average_bitrate_bps = config_.opus_max_average_bitrate_bps;
  opus.max_playback_rate_hz = config_.opus_max_playback_rate_hz;
  AppendAudio(media, opus, config_.accepts_red ? std::optional(kRedPayloadType) : std::nullopt, network_rate_hz);
  AppendTelephoneEvent(media, {kWideEventPayloadType, 48000});
  AppendTelephoneEvent(media, {kNarrowEventPayloadType, 8000});
  AppendStream(media, local, direction);
  session.media.push_back(std::move(media));
  return Serialize(session);
}

Outcome<AccessMedia> WebRtcNegotiator::ReadAnswer(std::string_view text) const {
  auto session = ParseSessionDescription(text);
  if (!session) return session.error();
  auto index = FindAudio(*session);
  if (!index) return index.error();
  const MediaSection& section = session->media[*index];
  auto media = ReadTransport(*session, section);
  if (!media) return media.error();
  auto audio = ReadAudio(section, config_);
  if (!audio) return audio.error();
  if (audio->send.encoding_name != "opus") {
    return Error{"The answer does not accept Opus, the only codec of the offer."};
  }
  const Attribute* setup = FindAttribute(*session, section, "setup");
  std::string wish = setup ? setup->value.value_or("") : "";
  if (wish != "active" && wish != "passive") {
    return Error{"The a=setup of an answer must be active or passive."};
  }
  AccessMedia result = std::move(media).value();
  result.audio = std::move(audio).value();
  result.gateway_dtls_role = wish == "active" ? DtlsRole::kServer : DtlsRole::kClient;
  return result;
}

}  // namespace byon::sdp
