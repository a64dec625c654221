#include "controlplane/sdp/media_attributes.h"

#include <algorithm>
#include <charconv>

namespace byon::sdp {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

template <typename T>
std::optional<T> Number(std::string_view text) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The static payload types that a phone may still use without a=rtpmap (RFC 3551 table 4).
void FillStatic(OfferedCodec& codec) {
  if (codec.payload_type == 0) codec.encoding_name = "PCMU";
  if (codec.payload_type == 8) codec.encoding_name = "PCMA";
  if (!codec.encoding_name.empty()) codec.clock_rate_hz = 8000;
}

// "97 AMR-WB/16000/1", behind the payload type.
bool ParseMapping(std::string_view text, OfferedCodec& codec) {
  size_t slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0) return false;
  codec.encoding_name = text.substr(0, slash);
  std::string_view rest = text.substr(slash + 1);
  size_t second = rest.find('/');
  auto clock = Number<uint32_t>(rest.substr(0, second));
  if (!clock || *clock == 0) return false;
  codec.clock_rate_hz = *clock;
  codec.channels = 1;
  if (second == std::string_view::npos) return true;
  auto channels = Number<uint8_t>(rest.substr(second + 1));
  if (!channels || *channels == 0) return false;
  codec.channels = *channels;
  return true;
}

// The payload type in front of a value, which is moved behind it.
std::optional<uint8_t> TakePayloadType(std::string_view& value) {
  size_t space = value.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  auto type = Number<uint8_t>(value.substr(0, space));
  value = Trim(value.substr(space + 1));
  return type;
}

// A limit of Opus in its range (RFC 7587 section 6.1); 0 stays "nothing said".
uint32_t Within(uint32_t value, uint32_t least, uint32_t most) {
  return value == 0 ? 0 : std::clamp(value, least, most);
}

// mode-set=0,2,5 (RFC 4867 section 8.1); a mode beyond the codec's makes the codec unusable.
std::optional<std::vector<uint8_t>> ParseModeSet(std::string_view text, uint8_t max_mode) {
  std::vector<uint8_t> modes;
  while (!text.empty()) {
    size_t comma = std::min(text.find(','), text.size());
    auto mode = Number<uint8_t>(Trim(text.substr(0, comma)));
    if (!mode || *mode > max_mode) return std::nullopt;
    modes.push_back(*mode);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  std::sort(modes.begin(), modes.end());
  modes.erase(std::unique(modes.begin(), modes.end()), modes.end());
  return modes;
}

bool ReadAmrParameters(const FormatParameters& parameters, uint8_t max_mode, AudioCodec& codec) {
  // CRC, robust sorting and interleaving are for circuit-switched gateways; IR.92 phones never use
  // them and a receiver must be asked before it gets them (RFC 4867 section 8.3.1).
  for (const char* name : {"crc", "robust-sorting", "interleaving"}) {
    if (NumberOr(parameters, name, 0) != 0) return false;
  }
  codec.octet_align = NumberOr(parameters, "octet-align", 0) == 1;
  if (auto it = parameters.find("mode-set"); it != parameters.end()) {
    auto modes = ParseModeSet(it->second, max_mode);
    if (!modes) return false;
    codec.mode_set = *modes;
  }
  codec.mode_change_period = NumberOr(parameters, "mode-change-period", 1) == 2 ? 2 : 1;
  codec.mode_change_neighbor = NumberOr(parameters, "mode-change-neighbor", 0) == 1;
  return true;
}

std::string AmrParameters(const AudioCodec& codec) {
  std::string text;
  auto add = [&](const std::string& parameter) { text += (text.empty() ? "" : "; ") + parameter; };
  if (codec.octet_align) add("octet-align=1");
  if (!codec.mode_set.empty()) {
    std::string modes;
    for (uint8_t mode : codec.mode_set) modes += (modes.empty() ? "" : ",") + std::to_string(mode);
    add("mode-set=" + modes);
  }
  if (codec.mode_change_period == 2) add("mode-change-period=2");
  if (codec.mode_change_neighbor) add("mode-change-neighbor=1");
  add("mode-change-capability=2");
  add("max-red=0");
  return text;
}

std::string OpusParameters(const AudioCodec& codec) {
  std::string text = "minptime=10";
  if (codec.use_inband_fec) text += ";useinbandfec=1";
  if (codec.use_dtx) text += ";usedtx=1";
  if (codec.stereo) text += ";stereo=1";
  if (codec.max_average_bitrate_bps != 0) {
    text += ";maxaveragebitrate=" + std::to_string(codec.max_average_bitrate_bps);
  }
  if (codec.max_playback_rate_hz != 0) {
    text += ";maxplaybackrate=" + std::to_string(codec.max_playback_rate_hz);
    text += ";sprop-maxcapturerate=" + std::to_string(codec.max_playback_rate_hz);
  }
  return text;
}

// The right side of a=rtpmap (RFC 8866 section 6.6).
std::string WithClock(const std::string& encoding_name, const AudioCodec& codec) {
  std::string mapping = encoding_name + '/' + std::to_string(codec.clock_rate_hz);
  if (codec.channels > 1) mapping += '/' + std::to_string(codec.channels);
  return mapping;
}

void AppendMapping(MediaSection& media, uint8_t payload_type, const std::string& mapping,
                   const std::string& parameters) {
  std::string type = std::to_string(payload_type);
  media.formats.push_back(type);
  media.attributes.push_back({"rtpmap", type + ' ' + mapping});
  if (!parameters.empty()) media.attributes.push_back({"fmtp", type + ' ' + parameters});
}

}  // namespace

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return Lower(x) == Lower(y); });
}

std::string ToLower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), Lower);
  return result;
}

FormatParameters ParseFormatParameters(std::string_view text) {
  FormatParameters parameters;
  while (!text.empty()) {
    size_t end = std::min(text.find(';'), text.size());
    std::string_view item = Trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (item.empty()) continue;
    size_t equals = item.find('=');
    if (equals == std::string_view::npos) {
      parameters.try_emplace("", item);
    } else {
      parameters.try_emplace(ToLower(Trim(item.substr(0, equals))), Trim(item.substr(equals + 1)));
    }
  }
  return parameters;
}

uint32_t NumberOr(const FormatParameters& parameters, const std::string& name, uint32_t fallback) {
  auto it = parameters.find(name);
  if (it == parameters.end()) return fallback;
  return Number<uint32_t>(it->second).value_or(fallback);
}

Outcome<std::vector<OfferedCodec>> ReadCodecs(const MediaSection& media) {
  std::vector<OfferedCodec> codecs;
  for (const std::string& format : media.formats) {
    auto type = Number<uint8_t>(format);
    if (!type || *type > 127) return Error{"The audio has a payload type that is no number up to 127."};
    bool is_repeated =
        std::any_of(codecs.begin(), codecs.end(), [&](const OfferedCodec& c) { return c.payload_type == *type; });
    if (is_repeated) return Error{"The audio names a payload type twice."};
    OfferedCodec codec;
    codec.payload_type = *type;
    FillStatic(codec);
    codecs.push_back(std::move(codec));
  }
  auto find = [&](uint8_t type) {
    return std::find_if(codecs.begin(), codecs.end(), [&](const OfferedCodec& c) { return c.payload_type == type; });
  };
  for (const Attribute& attribute : media.attributes) {
    bool is_map = attribute.name == "rtpmap";
    if ((!is_map && attribute.name != "fmtp") || !attribute.value) continue;
    std::string_view value = *attribute.value;
    auto type = TakePayloadType(value);
    // fmtp without a payload type is somebody's extension; rtpmap without one is malformed.
    if (!type) {
      if (is_map) return Error{"An a=rtpmap of the audio has no payload type."};
      continue;
    }
    auto codec = find(*type);
    if (codec == codecs.end()) continue;
    if (!is_map) {
      codec->parameters = ParseFormatParameters(value);
    } else if (!ParseMapping(value, *codec)) {
      return Error{"An a=rtpmap of the audio is not <type> <name>/<clock rate>."};
    }
  }
  std::erase_if(codecs, [](const OfferedCodec& c) { return c.encoding_name.empty(); });
  return codecs;
}

Direction ReadDirection(const SessionDescription& session, const MediaSection& media) {
  for (const auto* list : {&media.attributes, &session.attributes}) {
    for (Direction d : {Direction::kSendRecv, Direction::kSendOnly, Direction::kRecvOnly, Direction::kInactive}) {
      if (FindAttribute(*list, ToString(d))) return d;
    }
  }
  return Direction::kSendRecv;
}

std::optional<AudioCodec> ReadAudioCodec(const OfferedCodec& offered) {
  AudioCodec codec;
  codec.payload_type = offered.payload_type;
  codec.clock_rate_hz = offered.clock_rate_hz;
  codec.channels = offered.channels;
  auto is = [&](std::string_view name, uint32_t clock, uint8_t channels) {
    return EqualsIgnoreCase(offered.encoding_name, name) && offered.clock_rate_hz == clock &&
           offered.channels == channels;
  };
  if (is("opus", 48000, 2)) {  // RFC 7587 section 7: always 48000/2
    codec.encoding_name = "opus";
    codec.use_inband_fec = NumberOr(offered.parameters, "useinbandfec", 0) == 1;
    codec.use_dtx = NumberOr(offered.parameters, "usedtx", 0) == 1;
    codec.stereo = NumberOr(offered.parameters, "stereo", 0) == 1;
    codec.max_average_bitrate_bps = Within(NumberOr(offered.parameters, "maxaveragebitrate", 0), 6000, 510000);
    codec.max_playback_rate_hz = Within(NumberOr(offered.parameters, "maxplaybackrate", 0), 8000, 48000);
    return codec;
  }
  if (is("AMR-WB", 16000, 1)) {
    codec.encoding_name = "AMR-WB";
    return ReadAmrParameters(offered.parameters, 8, codec) ? std::optional(codec) : std::nullopt;
  }
  if (is("AMR", 8000, 1)) {
    codec.encoding_name = "AMR";
    return ReadAmrParameters(offered.parameters, 7, codec) ? std::optional(codec) : std::nullopt;
  }
  for (const char* name : {"PCMU", "PCMA"}) {
    if (!is(name, 8000, 1)) continue;
    codec.encoding_name = name;
    return codec;
  }
  return std::nullopt;
}

std::optional<TelephoneEvent> ReadTelephoneEvent(const OfferedCodec& offered) {
  if (!EqualsIgnoreCase(offered.encoding_name, "telephone-event")) return std::nullopt;
  return TelephoneEvent{offered.payload_type, offered.clock_rate_hz};
}

bool IsRedOf(const OfferedCodec& red, const AudioCodec& codec) {
  bool is_red = EqualsIgnoreCase(red.encoding_name, "red") && red.clock_rate_hz == codec.clock_rate_hz &&
                red.channels == codec.channels;
  auto types = red.parameters.find("");
  if (!is_red || types == red.parameters.end()) return false;
  // "111/111": the payload types of the primary and of the redundant encodings.
  std::string_view rest = types->second;
  while (!rest.empty()) {
    size_t slash = std::min(rest.find('/'), rest.size());
    if (Number<uint8_t>(Trim(rest.substr(0, slash))) != codec.payload_type) return false;
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  return true;
}

void AppendRed(MediaSection& media, uint8_t payload_type, const AudioCodec& codec) {
  std::string type = std::to_string(codec.payload_type);
  AppendMapping(media, payload_type, WithClock("red", codec), type + '/' + type);
}

void AppendCodec(MediaSection& media, const AudioCodec& codec) {
  std::string mapping = WithClock(codec.encoding_name, codec);
  std::string parameters;
  if (codec.encoding_name == "opus") parameters = OpusParameters(codec);
  if (codec.encoding_name.starts_with("AMR")) parameters = AmrParameters(codec);
  AppendMapping(media, codec.payload_type, mapping, parameters);
}

void AppendTelephoneEvent(MediaSection& media, const TelephoneEvent& event) {
  AppendMapping(media, event.payload_type, "telephone-event/" + std::to_string(event.clock_rate_hz), "0-15");
}

std::optional<uint16_t> ReadPacketTime(const MediaSection& media, std::string_view name) {
  const Attribute* attribute = FindAttribute(media.attributes, name);
  if (!attribute || !attribute->value) return std::nullopt;
  auto value = Number<uint16_t>(Trim(*attribute->value));
  if (!value || *value < 10 || *value > 1000) return std::nullopt;
  return value;
}

RtcpXr ReadRtcpXr(const SessionDescription& session, const MediaSection& media) {
  RtcpXr xr;
  const Attribute* attribute = FindAttribute(session, media, "rtcp-xr");
  std::string_view rest = attribute && attribute->value ? *attribute->value : std::string_view();
  while (!rest.empty()) {
    const size_t space = std::min(rest.find(' '), rest.size());
    const std::string_view format = rest.substr(0, space);
    if (format == "voip-metrics") xr.voip_metrics = true;
    // "sender" answers to senders only, which both ends of a call are (RFC 3611 section 5.1).
    if (format.starts_with("rcvr-rtt=all") || format.starts_with("rcvr-rtt=sender")) {
      xr.receiver_reference_time = true;
    }
    rest.remove_prefix(std::min(space + 1, rest.size()));
  }
  return xr;
}

std::string RtcpXrText(const RtcpXr& xr) {
  std::string text;
  if (xr.receiver_reference_time) text = "rcvr-rtt=all";
  if (xr.voip_metrics) text += (text.empty() ? "" : " ") + std::string("voip-metrics");
  return text;
}

}  // namespace byon::sdp
