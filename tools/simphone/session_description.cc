#include "tools/simphone/session_description.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "tools/simphone/sip_message.h"

namespace byon::simphone {
namespace {

constexpr std::array<std::string_view, 4> kDirectionNames = {"sendrecv", "sendonly", "recvonly", "inactive"};

int ToInt(std::string_view text, int fallback = 0) {
  int value = fallback;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t end = text.find(separator);
    if (const std::string_view part = Trim(text.substr(0, end)); !part.empty()) {
      parts.push_back(part);
    }
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
  }
  return parts;
}

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// The static payload types a phone may meet without rtpmap (RFC 3551 section 6).
AudioFormat StaticFormat(int payload_type) {
  if (payload_type == 0) return {0, "PCMU", 8000, false, {}};
  if (payload_type == 8) return {8, "PCMA", 8000, false, {}};
  return {payload_type, "", 8000, false, {}};
}

// Collects the lines of a description into an AudioDescription.
class Reader {
 public:
  std::optional<AudioDescription> Read(std::string_view sdp) {
    for (std::string_view line : Split(sdp, '\n')) ReadLine(line);
    if (!has_audio_ || description_.ip.empty()) return std::nullopt;
    for (const int payload_type : order_) description_.formats.push_back(formats_[payload_type]);
    return description_;
  }

 private:
  void ReadLine(std::string_view line) {
    if (TakePrefix(line, "m=")) {
      ReadMedia(line);
    } else if (is_in_other_media_) {
      return;
    } else if (TakePrefix(line, "c=")) {
      const auto words = Split(line, ' ');
      if (words.size() == 3) description_.ip = std::string(words[2]);
    } else if (TakePrefix(line, "a=")) {
      ReadAttribute(line);
    }
  }

  void ReadMedia(std::string_view line) {
    const auto words = Split(line, ' ');
    const bool is_audio =
        words.size() >= 4 && words[0] == "audio" && !has_audio_ && (words[2] == "RTP/AVP" || words[2] == "RTP/AVPF");
    is_in_other_media_ = !is_audio;
    if (!is_audio) return;
    has_audio_ = true;
    description_.port = static_cast<uint16_t>(ToInt(words[1]));
    for (size_t i = 3; i < words.size(); ++i) {
      const int payload_type = ToInt(words[i], -1);
      order_.push_back(payload_type);
      formats_[payload_type] = StaticFormat(payload_type);
    }
  }

  void ReadAttribute(std::string_view line) {
    for (size_t i = 0; i < kDirectionNames.size(); ++i) {
      if (line == kDirectionNames[i]) description_.direction = static_cast<MediaDirection>(i);
    }
    if (TakePrefix(line, "rtpmap:")) {
      const auto words = Split(line, ' ');
      if (words.size() != 2) return;
      AudioFormat& format = formats_[ToInt(words[0], -1)];
      const auto parts = Split(words[1], '/');
      format.name = std::string(parts[0]);
      if (parts.size() > 1) format.clock_rate_hz = ToInt(parts[1], 8000);
    } else if (TakePrefix(line, "fmtp:")) {
      const size_t space = line.find(' ');
      if (space != line.npos) ReadFormatParameters(ToInt(line), line.substr(space + 1));
    } else if (TakePrefix(line, "rtcp:")) {
      description_.rtcp_port = static_cast<uint16_t>(ToInt(line));
    } else if (TakePrefix(line, "rtcp-xr:")) {
      description_.has_rtcp_xr = line.find("voip-metrics") != line.npos;
    } else if (line.find("qos") != line.npos) {
      ReadPrecondition(line);
    }
  }

  void ReadFormatParameters(int payload_type, std::string_view parameters) {
    AudioFormat& format = formats_[payload_type];
    for (std::string_view parameter : Split(parameters, ';')) {
      if (TakePrefix(parameter, "octet-align=")) format.octet_align = ToInt(parameter) == 1;
      if (TakePrefix(parameter, "mode-set=")) {
        for (const std::string_view mode : Split(parameter, ',')) {
          format.mode_set.push_back(ToInt(mode));
        }
      }
    }
  }

  void ReadPrecondition(std::string_view line) {
    if (!description_.preconditions) description_.preconditions.emplace();
    if (line == "curr:qos local sendrecv") description_.preconditions->is_local_ready = true;
    if (line == "curr:qos remote sendrecv") description_.preconditions->is_remote_ready = true;
    if (line.substr(0, 8) == "conf:qos") description_.preconditions->wants_confirmation = true;
  }

  AudioDescription description_;
  bool has_audio_ = false;
  bool is_in_other_media_ = false;
  std::vector<int> order_;
  std::map<int, AudioFormat> formats_;
};

std::string FormatLines(const AudioFormat& format) {
  const std::string type = std::to_string(format.payload_type);
  std::string lines = "a=rtpmap:" + type + " " + format.name + "/" + std::to_string(format.clock_rate_hz);
  if (format.name.starts_with("AMR")) {
    lines += "/1\r\na=fmtp:" + type;
    std::string separator = " ";
    const auto add = [&](const std::string& parameter) {
      lines += separator + parameter;
      separator = "; ";
    };
    if (format.octet_align) add("octet-align=1");
    if (!format.mode_set.empty()) {
      std::string modes = "mode-set=";
      for (const int mode : format.mode_set) modes += std::to_string(mode) + ",";
      modes.pop_back();
      add(modes);
    }
    add("mode-change-capability=2");
    add("max-red=0");
  } else if (format.name == "telephone-event") {
    lines += "\r\na=fmtp:" + type + " 0-15";
  }
  return lines + "\r\n";
}

std::string PreconditionLines(const Preconditions& state) {
  const auto status = [](bool is_ready) { return is_ready ? "sendrecv" : "none"; };
  std::string lines = std::string("a=curr:qos local ") + status(state.is_local_ready) + "\r\na=curr:qos remote " +
                      status(state.is_remote_ready) +
                      "\r\na=des:qos mandatory local sendrecv\r\n"
                      "a=des:qos optional remote sendrecv\r\n";
  if (state.wants_confirmation) lines += "a=conf:qos remote sendrecv\r\n";
  return lines;
}

bool IsSameCodec(const AudioFormat& a, const AudioFormat& b) {
  return EqualNoCase(a.name, b.name) && a.clock_rate_hz == b.clock_rate_hz && a.octet_align == b.octet_align;
}

bool IsTelephoneEvent(const AudioFormat& format) { return EqualNoCase(format.name, "telephone-event"); }

}  // namespace

std::string_view DirectionName(MediaDirection direction) { return kDirectionNames[static_cast<size_t>(direction)]; }

MediaDirection Reverse(MediaDirection direction) {
  if (direction == MediaDirection::kSendOnly) return MediaDirection::kRecvOnly;
  if (direction == MediaDirection::kRecvOnly) return MediaDirection::kSendOnly;
  return direction;
}

std::optional<AudioDescription> AudioDescription::Parse(std::string_view sdp) { return Reader().Read(sdp); }

std::string AudioDescription::Serialize() const {
  const std::string family = ip.find(':') == std::string::npos ? "IP4 " : "IP6 ";
  std::string sdp = "v=0\r\no=- 4711 " + std::to_string(session_version) + " IN " + family + ip + "\r\ns=-\r\nc=IN " +
                    family + ip + "\r\nt=0 0\r\nm=audio " + std::to_string(port) + " RTP/AVP";
  for (const AudioFormat& format : formats) sdp += " " + std::to_string(format.payload_type);
  sdp += "\r\nb=AS:41\r\nb=RS:512\r\nb=RR:1537\r\n";
  for (const AudioFormat& format : formats) sdp += FormatLines(format);
  if (preconditions) sdp += PreconditionLines(*preconditions);
  if (has_rtcp_xr) sdp += "a=rtcp-xr:rcvr-rtt=all voip-metrics\r\n";
  return sdp + "a=ptime:20\r\na=maxptime:240\r\na=" + std::string(DirectionName(direction)) + "\r\n";
}

std::vector<AudioFormat> MakeFormats(const CodecPreferences& preferences) {
  std::vector<AudioFormat> formats;
  bool has_wideband = false;
  bool has_narrowband = false;
  for (const std::string& codec : preferences.codecs) {
    const bool is_wideband = EqualNoCase(codec, "AMR-WB");
    (is_wideband ? has_wideband : has_narrowband) = true;
    if (!is_wideband && !EqualNoCase(codec, "AMR")) {
      formats.push_back(StaticFormat(EqualNoCase(codec, "PCMA") ? 8 : 0));
      continue;
    }
    const AudioFormat plain = is_wideband ? AudioFormat{98, "AMR-WB", 16000, false, preferences.mode_set}
                                          : AudioFormat{100, "AMR", 8000, false, preferences.mode_set};
    if (preferences.may_bandwidth_efficient) formats.push_back(plain);
    if (preferences.may_octet_align) {
      formats.push_back(plain);
      formats.back().payload_type += 1;
      formats.back().octet_align = true;
    }
  }
  if (has_wideband) formats.push_back({102, "telephone-event", 16000, false, {}});
  if (has_narrowband) formats.push_back({103, "telephone-event", 8000, false, {}});
  return formats;
}

std::optional<NegotiatedAudio> Negotiate(const std::vector<AudioFormat>& local, const AudioDescription& remote) {
  for (const AudioFormat& theirs : remote.formats) {
    if (IsTelephoneEvent(theirs)) continue;
    const auto ours = std::find_if(local.begin(), local.end(),
                                   [&](const AudioFormat& format) { return IsSameCodec(format, theirs); });
    if (ours == local.end()) continue;
    NegotiatedAudio picked;
    picked.format = theirs;
    if (picked.format.mode_set.empty()) picked.format.mode_set = ours->mode_set;
    picked.receive_payload_type = ours->payload_type;
    picked.remote_ip = remote.ip;
    picked.remote_port = remote.port;
    picked.remote_rtcp_port = remote.rtcp_port != 0 ? remote.rtcp_port : static_cast<uint16_t>(remote.port + 1);
    picked.remote_has_rtcp_xr = remote.has_rtcp_xr;
    for (const AudioFormat& event : remote.formats) {
      if (!IsTelephoneEvent(event) || event.clock_rate_hz != theirs.clock_rate_hz) continue;
      picked.telephone_event = event.payload_type;
      picked.receive_telephone_event = event.payload_type;
      for (const AudioFormat& own : local) {
        if (IsTelephoneEvent(own) && own.clock_rate_hz == event.clock_rate_hz) {
          picked.receive_telephone_event = own.payload_type;
        }
      }
      break;
    }
    return picked;
  }
  return std::nullopt;
}

std::vector<AudioFormat> AnswerFormats(const NegotiatedAudio& picked) {
  std::vector<AudioFormat> formats = {picked.format};
  if (picked.telephone_event) {
    formats.push_back({*picked.telephone_event, "telephone-event", picked.format.clock_rate_hz, false, {}});
  }
  return formats;
}

}  // namespace byon::simphone
