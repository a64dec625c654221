#include "tools/load/call_description.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "controlplane/sdp/media_attributes.h"
#include "controlplane/sdp/session_description.h"

namespace byon::load {
namespace {

constexpr uint8_t kBrowserEventType = 110;

sdp::AudioCodec ToAudioCodec(const codec::CodecFormat& format, uint8_t payload_type) {
  sdp::AudioCodec audio{.payload_type = payload_type,
                        .encoding_name = std::string(codec::CodecName(format.codec)),
                        .clock_rate_hz = codec::ClockRateHz(format.codec)};
  if (format.codec == codec::Codec::kOpus) {
    audio.channels = 2;
    audio.use_inband_fec = true;
    audio.use_dtx = format.opus.use_dtx;
  } else if (format.codec == codec::Codec::kAmr || format.codec == codec::Codec::kAmrWb) {
    audio.octet_align = format.amr.octet_align;
    for (uint8_t mode = 0; mode < 9; ++mode) {
      if ((format.amr.mode_set >> mode & 1) != 0) audio.mode_set.push_back(mode);
    }
  }
  return audio;
}

sdp::SessionDescription NewDescription(const UdpSocket& socket) {
  sdp::SessionDescription description;
  const std::string ip = socket.local().ip.ToString();
  description.origin.session_id = description.origin.session_version = "1";
  description.origin.address = ip;
  description.connection = sdp::Connection{ip};
  return description;
}

void AddAttribute(sdp::MediaSection& media, std::string name, std::string value) {
  media.attributes.push_back({std::move(name), std::move(value)});
}

std::optional<uint16_t> ToPort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  // "a=rtcp:PORT IN IP4 ADDRESS" says more (RFC 3605).
  if (error != std::errc() || port == 0) return std::nullopt;
  if (end != text.data() + text.size() && *end != ' ') return std::nullopt;
  return port;
}

// Where a section's RTP goes.
std::optional<net::SocketAddress> AddressOf(const sdp::SessionDescription& session, const sdp::MediaSection& media) {
  const auto& connection = media.connection ? media.connection : session.connection;
  const auto ip = connection ? net::IpAddress::Parse(connection->address) : std::nullopt;
  if (!ip || ip->is_unspecified() || media.port == 0) return std::nullopt;
  return net::SocketAddress{*ip, media.port};
}

// The first candidate of a=candidate (RFC 8839 section 5.1): an ICE-lite end has one a family.
std::optional<net::SocketAddress> CandidateOf(std::string_view value) {
  std::array<std::string_view, 6> fields;  // foundation component transport priority address port
  for (std::string_view& field : fields) {
    const size_t space = std::min(value.find(' '), value.size());
    field = value.substr(0, space);
    value.remove_prefix(std::min(space + 1, value.size()));
  }
  const auto ip = net::IpAddress::Parse(fields[4]);
  const auto port = ToPort(fields[5]);
  if (!ip || !port) return std::nullopt;
  return net::SocketAddress{*ip, *port};
}

std::string ValueOf(const sdp::SessionDescription& session, const sdp::MediaSection& media, std::string_view name) {
  const sdp::Attribute* const attribute = sdp::FindAttribute(session, media, name);
  return attribute == nullptr ? "" : attribute->value.value_or("");
}

base::Result<sdp::SessionDescription, std::string> ParseAudio(std::string_view text) {
  auto description = sdp::ParseSessionDescription(text);
  if (!description.ok()) return "the node's SDP cannot be read: " + description.error().message;
  if (description->media.empty() || description->media[0].media != "audio")
    return std::string("the node's SDP has no audio");
  return std::move(description).value();
}

}  // namespace

std::string DescribeBrowser(const Profile& profile, const CallRequest& request) {
  const UdpSocket& socket = *request.sockets.browser;
  sdp::SessionDescription offer = NewDescription(socket);
  sdp::MediaSection audio{.media = "audio",
                          .port = socket.local().port,
                          .protocol = "UDP/TLS/RTP/SAVPF",
                          .formats = {},
                          .connection = {},
                          .bandwidths = {},
                          .attributes = {}};
  sdp::AppendCodec(audio, ToAudioCodec(BrowserFormat(profile.use_dtx), kOpusPayloadType));
  sdp::AppendTelephoneEvent(audio, {.payload_type = kBrowserEventType, .clock_rate_hz = 48'000});
  AddAttribute(audio, "mid", "0");
  AddAttribute(audio, "ptime", "20");
  audio.attributes.push_back({"rtcp-mux", std::nullopt});
  AddAttribute(audio, "ice-ufrag", request.browser_ice.ufrag);
  AddAttribute(audio, "ice-pwd", request.browser_ice.pwd);
  AddAttribute(
      audio, "candidate",
      "1 1 udp 2130706431 " + socket.local().ip.ToString() + " " + std::to_string(socket.local().port) + " typ host");
  audio.attributes.push_back({"end-of-candidates", std::nullopt});
  AddAttribute(audio, "fingerprint",
               std::string(dtls::AlgorithmName(request.browser_fingerprint.algorithm)) + " " +
                   request.browser_fingerprint.ToText());
  AddAttribute(audio, "setup", profile.gateway_is_dtls_client ? "passive" : "active");
  audio.attributes.push_back({"sendrecv", std::nullopt});
  offer.media.push_back(std::move(audio));
  return sdp::Serialize(offer);
}

base::Result<PhoneAnswer, std::string> AnswerAsPhone(std::string_view offer, const CallRequest& request) {
  const auto offered = ParseAudio(offer);
  if (!offered) return offered.error();
  const sdp::MediaSection& section = offered->media[0];
  const auto rtp = AddressOf(*offered, section);
  if (!rtp) return std::string("the node's SDP has no address for the phone");
  net::SocketAddress rtcp{rtp->ip, static_cast<uint16_t>(rtp->port + 1)};
  if (const auto port = ToPort(ValueOf(*offered, section, "rtcp"))) rtcp.port = *port;
  const auto codecs = sdp::ReadCodecs(section);
  if (!codecs.ok()) return "the node's SDP cannot be read: " + codecs.error().message;
  const codec::CodecFormat& format = request.codec->format;
  const auto found = std::ranges::find_if(*codecs, [&](const sdp::OfferedCodec& codec) {
    return sdp::EqualsIgnoreCase(codec.encoding_name, codec::CodecName(format.codec)) &&
           codec.clock_rate_hz == codec::ClockRateHz(format.codec) &&
           (sdp::NumberOr(codec.parameters, "octet-align", 0) == 1) == format.amr.octet_align;
  });
  if (found == codecs->end()) return "the node offers the phone no " + request.codec->name + " (can it encode that?)";
  const UdpSocket& socket = *request.sockets.rtp;
  sdp::SessionDescription answer = NewDescription(socket);
  sdp::MediaSection audio{.media = "audio",
                          .port = socket.local().port,
                          .protocol = "RTP/AVP",
                          .formats = {},
                          .connection = {},
                          .bandwidths = {},
                          .attributes = {}};
  sdp::AppendCodec(audio, ToAudioCodec(format, found->payload_type));
  AddAttribute(audio, "ptime", "20");
  AddAttribute(audio, "rtcp", std::to_string(request.sockets.rtcp->local().port));
  audio.attributes.push_back({"sendrecv", std::nullopt});
  answer.media.push_back(std::move(audio));
  return PhoneAnswer{sdp::Serialize(answer), *rtp, rtcp, found->payload_type};
}

base::Result<NodeEnds, std::string> ReadAnswerToBrowser(std::string_view answer, bool gateway_is_dtls_client) {
  const auto answered = ParseAudio(answer);
  if (!answered) return answered.error();
  const sdp::MediaSection& section = answered->media[0];
  const auto value = [&](std::string_view name) { return ValueOf(*answered, section, name); };
  const std::string fingerprint = value("fingerprint");
  const size_t space = std::min(fingerprint.find(' '), fingerprint.size());
  const auto parsed = dtls::DtlsFingerprint::Parse(fingerprint.substr(0, space),
                                                   fingerprint.substr(std::min(space + 1, fingerprint.size())));
  if (!parsed) return std::string("the node's answer has no fingerprint that is known");
  NodeEnds ends{.ice = {value("ice-ufrag"), value("ice-pwd")}, .fingerprint = *parsed};
  if (ends.ice.ufrag.empty() || ends.ice.pwd.empty()) return std::string("the node's answer has no ICE credentials");
  if (value("setup") != (gateway_is_dtls_client ? "active" : "passive"))
    return "the node takes the DTLS role \"" + value("setup") + "\", another than it was asked for";
  auto access = CandidateOf(value("candidate"));
  if (!access) access = AddressOf(*answered, section);
  if (!access) return std::string("the node's answer has no address for the browser");
  ends.access = *access;
  return ends;
}

}  // namespace byon::load
