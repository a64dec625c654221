#include "tools/load/profile.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <map>

namespace byon::load {
namespace {

using base::TimeDelta;

constexpr size_t kMaxTextBytes = 64 * 1024;
constexpr std::string_view kCodecNames =
    "amr-wb-RATE (6.60 8.85 12.65 14.25 15.85 18.25 19.85 23.05 23.85), amr-RATE (4.75 5.15 5.90 "
    "6.70 "
    "7.40 7.95 10.2 12.2), pcma, pcmu or opus";

// In the order of their modes: 3GPP TS 26.201 and TS 26.101.
constexpr std::array<std::string_view, 9> kAmrWbRates = {"6.60",  "8.85",  "12.65", "14.25", "15.85",
                                                         "18.25", "19.85", "23.05", "23.85"};
constexpr std::array<std::string_view, 8> kAmrRates = {"4.75", "5.15", "5.90", "6.70", "7.40", "7.95", "10.2", "12.2"};

// Reads one mapping: each key has a reader, others are refused.
class Reader {
 public:
  using Field = std::function<void(const YAML::Node&, const std::string& key)>;
  using Fields = std::map<std::string, Field>;

  void ReadMapping(const YAML::Node& node, const std::string& prefix, const Fields& fields) {
    if (!node.IsMap()) {
      return Say(node, (prefix.empty() ? "the profile" : prefix) + " must be a mapping of keys to values.");
    }
    for (const auto& entry : node) {
      const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
      const std::string full = prefix.empty() ? key : prefix + "." + key;
      if (!seen_.insert({full, true}).second) {
        Say(entry.first, full + " is given twice.");
      } else if (const auto field = fields.find(key); field != fields.end()) {
        field->second(entry.second, full);
      } else {
        std::string names;
        for (const auto& [name, unused] : fields) names += (names.empty() ? "" : ", ") + name;
        Say(entry.first, "\"" + Printable(full) + "\" is not known, but must be one of " + names + ".");
      }
    }
  }

  Field Number(double low, double high, std::function<void(double)> take) {
    return [=, this](const YAML::Node& node, const std::string& key) {
      const std::string text = node.IsScalar() ? node.Scalar() : "";
      double value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc() || end != text.data() + text.size() || !(value >= low && value <= high)) {
        return Refuse(node, key, "a number from " + Short(low) + " to " + Short(high));
      }
      take(value);
    };
  }
  Field Whole(uint64_t low, uint64_t high, std::function<void(uint64_t)> take) {
    return [=, this](const YAML::Node& node, const std::string& key) {
      const std::string text = node.IsScalar() ? node.Scalar() : "";
      uint64_t value = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error != std::errc() || end != text.data() + text.size() || value < low || value > high) {
        return Refuse(node, key, "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
      }
      take(value);
    };
  }
  Field Seconds(double low, double high, TimeDelta& target) {
    return Number(low, high,
                  [&target](double value) { target = TimeDelta::Nanoseconds(static_cast<int64_t>(value * 1e9)); });
  }
  Field Boolean(bool& target) {
    return [this, &target](const YAML::Node& node, const std::string& key) {
      const std::string text = node.IsScalar() ? node.Scalar() : "";
      if (text != "true" && text != "false") return Refuse(node, key, "true or false");
      target = text == "true";
    };
  }

  void Refuse(const YAML::Node& node, const std::string& key, const std::string& allowed) {
    const std::string value = node.IsScalar() ? "\"" + Printable(node.Scalar()) + "\"" : "no single value";
    Say(node, Printable(key) + " is " + value + ", but must be " + allowed + ".");
  }
  void Say(const YAML::Node& node, const std::string& sentence) {
    mistakes_ += "line " + std::to_string(node.Mark().line + 1) + ": " + sentence + "\n";
  }
  const std::string& mistakes() const { return mistakes_; }

 private:
  static std::string Short(double value) {
    std::array<char, 32> text;
    const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
    return {text.data(), result.ptr};
  }
  static std::string Printable(std::string_view value) {
    std::string text(value.substr(0, 40));
    for (char& c : text) {
      if (c < 0x20 || c > 0x7e) c = '?';
    }
    return text;
  }

  std::string mistakes_;
  std::map<std::string, bool> seen_;
};

void ReadWeather(Reader& reader, const YAML::Node& node, const std::string& key, Weather& weather) {
  reader.ReadMapping(
      node, key,
      {{"loss", reader.Number(0, 1, [&](double v) { weather.loss = v; })},
       {"burst_length", reader.Number(1, 100, [&](double v) { weather.burst_length = v; })},
       {"jitter_ms",
        reader.Number(0, 1000, [&](double v) { weather.jitter = TimeDelta::Microseconds(std::lround(v * 1000)); })},
       {"reorder", reader.Number(0, 1, [&](double v) { weather.reorder = v; })},
       {"duplicate", reader.Number(0, 1, [&](double v) { weather.duplicate = v; })}});
}

void ReadCodecs(Reader& reader, const YAML::Node& node, std::vector<PhoneCodecShare>& codecs) {
  if (!node.IsMap() || node.size() == 0) {
    return reader.Refuse(node, "codecs", "a mapping of codecs to their shares, as {amr-wb-12.65: 3, amr-12.2: 1}");
  }
  codecs.clear();
  for (const auto& entry : node) {
    const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
    const auto format = PhoneCodecFromName(name);
    if (!format) {
      reader.Refuse(entry.first, "codecs", std::string(kCodecNames));
      continue;
    }
    reader.Whole(1, 1000, [&](uint64_t weight) {
      codecs.push_back({name, *format, static_cast<unsigned>(weight)});
    })(entry.second, "codecs." + name);
  }
}

void Read(Reader& reader, const YAML::Node& root, Profile& profile) {
  const auto size = [](size_t& target) { return [&target](uint64_t value) { target = static_cast<size_t>(value); }; };
  reader.ReadMapping(
      root, "",
      {{"calls", reader.Whole(1, 100'000, size(profile.calls))},
       {"ramp_per_second", reader.Number(0.1, 10'000, [&](double v) { profile.ramp_per_second = v; })},
       {"measured_seconds", reader.Seconds(1, 86'400, profile.measured)},
       {"settle_seconds", reader.Seconds(0, 600, profile.settle)},
       {"hold_seconds", reader.Seconds(0, 86'400, profile.hold)},
       {"storm",
        [&](const YAML::Node& node, const std::string& key) {
          reader.ReadMapping(node, key,
                             {{"calls", reader.Whole(0, 100'000, size(profile.storm.calls))},
                              {"at_second", reader.Seconds(0, 86'400, profile.storm.at)}});
        }},
       {"codecs", [&](const YAML::Node& node, const std::string&) { ReadCodecs(reader, node, profile.codecs); }},
       {"dtx", reader.Boolean(profile.use_dtx)},
       {"octet_align", reader.Boolean(profile.octet_align)},
       {"gateway_dtls_role",
        [&](const YAML::Node& node, const std::string& key) {
          const std::string role = node.IsScalar() ? node.Scalar() : "";
          if (role != "client" && role != "server") return reader.Refuse(node, key, "client or server");
          profile.gateway_is_dtls_client = role == "client";
        }},
       {"weather",
        [&](const YAML::Node& node, const std::string& key) {
          reader.ReadMapping(node, key,
                             {{"browser", [&](const YAML::Node& n,
                                              const std::string& k) { ReadWeather(reader, n, k, profile.browser); }},
                              {"phone", [&](const YAML::Node& n, const std::string& k) {
                                 ReadWeather(reader, n, k, profile.phone);
                               }}});
        }},
       {"latest_ms", reader.Number(0, 10'000, [&](double v) { profile.latest_ms = v; })},
       {"probe_calls", reader.Whole(0, 1000, size(profile.probe_calls))},
       {"rtcp_interval_seconds", reader.Seconds(0.5, 60, profile.rtcp_interval)},
       {"address",
        [&](const YAML::Node& node, const std::string& key) {
          const auto address = net::IpAddress::Parse(node.IsScalar() ? node.Scalar() : "");
          if (!address || address->is_unspecified() || address->is_multicast() || address->is_broadcast()) {
            return reader.Refuse(node, key, "an IP address of this machine");
          }
          profile.address = *address;
        }},
       {"sockets", reader.Whole(1, 256, size(profile.sockets))},
       {"seed", reader.Whole(0, UINT64_MAX, [&](uint64_t v) { profile.seed = v; })}});
  if (profile.codecs.empty()) profile.codecs = {{"amr-wb-12.65", *PhoneCodecFromName("amr-wb-12.65"), 1}};
}

template <size_t kCount>
std::optional<uint8_t> ModeOf(std::string_view name, std::string_view prefix,
                              const std::array<std::string_view, kCount>& rates) {
  if (!name.starts_with(prefix)) return std::nullopt;
  const auto found = std::ranges::find(rates, name.substr(prefix.size()));
  if (found == rates.end()) return std::nullopt;
  return static_cast<uint8_t>(found - rates.begin());
}

codec::CodecFormat Amr(codec::Codec codec, uint8_t mode) {
  codec::CodecFormat format;
  format.codec = codec;
  format.amr.mode_set = static_cast<uint16_t>(1u << mode);
  return format;
}

constexpr std::pair<std::string_view, std::string_view> kBuiltIn[] = {
    {"steady", "# 100 calls from beginning to end.\ncalls: 100\n"},
    {"smoke",
     "# Shows in seconds that everything works.\ncalls: 20\nramp_per_second: 20\nsettle_seconds: "
     "2\n"
     "measured_seconds: 5\ncodecs: {amr-wb-12.65: 2, amr-wb-23.85: 1, amr-12.2: 1}\n"},
    {"churn", "# Calls of 20 seconds come and go.\ncalls: 100\nhold_seconds: 20\n"},
    {"storm",
     "# 100 calls more at one moment, while 100 are measured.\ncalls: 100\nstorm: {calls: 100, "
     "at_second: 10}\n"},
    {"radio",
     "# A bad WLAN here, a bad cell there, silence not sent.\ncalls: 100\ndtx: true\nweather:\n"
     "  browser: {loss: 0.02, burst_length: 2, jitter_ms: 40, reorder: 0.01}\n"
     "  phone: {loss: 0.01, jitter_ms: 20}\n"},
    {"mixed",
     "# What an operator's subscribers have.\ncalls: 100\nhold_seconds: 60\ndtx: true\n"
     "codecs: {amr-wb-12.65: 6, amr-wb-23.85: 2, amr-12.2: 2, pcma: 1}\n"},
};

}  // namespace

std::optional<codec::CodecFormat> PhoneCodecFromName(std::string_view name) {
  if (const auto mode = ModeOf(name, "amr-wb-", kAmrWbRates)) return Amr(codec::Codec::kAmrWb, *mode);
  if (const auto mode = ModeOf(name, "amr-", kAmrRates)) return Amr(codec::Codec::kAmr, *mode);
  codec::CodecFormat format;
  if (name == "opus") return format;
  format.codec = codec::Codec::kPcma;
  if (name == "pcma") return format;
  format.codec = codec::Codec::kPcmu;
  if (name == "pcmu") return format;
  return std::nullopt;
}

base::Result<Profile, std::string> ParseProfile(const std::string& yaml) {
  if (yaml.size() > kMaxTextBytes) return std::string("the profile is longer than 64 KiB.\n");
  Profile profile;
  Reader reader;
  try {
    YAML::Node root = YAML::Load(yaml);
    if (root.IsNull()) root = YAML::Node(YAML::NodeType::Map);
    Read(reader, root, profile);
  } catch (const YAML::Exception& problem) {
    return "line " + std::to_string(problem.mark.line + 1) + ": not YAML: " + problem.msg + ".\n";
  }
  if (!reader.mistakes().empty()) return reader.mistakes();
  for (PhoneCodecShare& share : profile.codecs) {
    share.format.amr.octet_align = profile.octet_align;
    share.format.amr.use_dtx = profile.use_dtx;
    share.format.opus.use_dtx = profile.use_dtx;
  }
  return profile;
}

std::string_view BuiltInProfile(std::string_view name) {
  for (const auto& [own, text] : kBuiltIn) {
    if (own == name) return text;
  }
  return {};
}

std::string BuiltInProfileNames() {
  std::string names;
  for (const auto& [name, text] : kBuiltIn) names += (names.empty() ? "" : ", ") + std::string(name);
  return names;
}

}  // namespace byon::load
