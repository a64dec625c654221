#include "dataplane/config/dataplane_config.h"

#include <yaml-cpp/yaml.h>

#include <fstream>
#include <sstream>
#include <utility>

#include "dataplane/config/config_schema.h"
#include "dataplane/config/schema_check.h"

namespace byon::config {
namespace {

constexpr size_t kMaxFileBytes = 256 * 1024;

// Whether nobody beyond this machine can reach the place: "unix:/path", "127.0.0.1:50051", "[::1]:50051".
bool IsLocal(const std::string& listen) {
  if (listen.starts_with("unix:")) return true;
  std::string host = listen.substr(0, listen.rfind(':'));
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const auto address = net::IpAddress::Parse(host);
  return address ? address->is_loopback() : host == "localhost";
}

// Reads values that the schema has found right, and checks what a schema cannot say.
class Reader {
 public:
  DataplaneConfig Read(const YAML::Node& root) {
    DataplaneConfig config;
    Take(root["node_id"], config.node_id);
    ReadControl(root["control"], config.control);
    ReadWorkers(root["workers"], config.workers);
    ReadPort(root["port"], config.port);
    ReadMedia(root["media"], config);
    if (const YAML::Node log = root["log"]; log && log["level"]) {
      const std::string level = log["level"].Scalar();
      config.log_level = level == "error"     ? LogLevel::kError
                         : level == "warning" ? LogLevel::kWarning
                         : level == "info"    ? LogLevel::kInfo
                                              : LogLevel::kDebug;
    }
    return config;
  }
  std::vector<std::string> TakeMistakes() { return std::move(mistakes_); }

 private:
  void Say(const YAML::Node& node, const std::string& sentence) {
    mistakes_.push_back("line " + std::to_string(node.Mark().line + 1) + ": " + sentence);
  }
  void Refuse(const YAML::Node& node, const std::string& key, const std::string& allowed) {
    Say(node, key + " is \"" + node.Scalar() + "\", but must be " + allowed + ".");
  }
  template <typename T>
  static void Take(const YAML::Node& node, T& target) {
    if (node) target = node.as<T>();
  }
  static void TakeSeconds(const YAML::Node& node, base::TimeDelta& target) {
    if (node) target = base::TimeDelta::Seconds(node.as<int64_t>());
  }
  static void TakeSize(const YAML::Node& node, size_t& target) {
    if (node) target = node.as<size_t>();
  }

  void ReadControl(const YAML::Node& node, ControlConfig& control) {
    if (!node) return;
    Take(node["listen"], control.listen);
    TakeSeconds(node["lease_seconds"], control.lease);
    TakeSeconds(node["drain_seconds"], control.drain);
    if (const YAML::Node tls = node["tls"]) {
      control.tls = TlsConfig{tls["ca"].Scalar(), tls["cert"].Scalar(), tls["key"].Scalar()};
    }
    // Whoever may speak to it commands all calls and learns their ICE passwords.
    if (!control.tls && !IsLocal(control.listen)) {
      Refuse(node["listen"], "control.listen", "on loopback or unix:/path where there is no control.tls");
    }
  }

  void ReadWorkers(const YAML::Node& node, WorkersConfig& workers) {
    if (!node) return;
    TakeSize(node["count"], workers.count);
    TakeSize(node["sessions"], workers.sessions);
    Take(node["control_cpus"], workers.control_cpus);
    if (const YAML::Node cpus = node["cpus"]) {
      for (const auto& one : cpus) workers.cpus.push_back(one.Scalar());
      if (!workers.cpus.empty() && workers.cpus.size() != workers.count) {
        Say(cpus, "workers.cpus has " + std::to_string(workers.cpus.size()) +
                      " entries, but must have one for each of workers.count (" + std::to_string(workers.count) + ").");
      }
    }
    if (const YAML::Node idle = node["idle"]) {
      workers.idle = idle.Scalar() == "spin"    ? io::IdlePolicy::kSpin
                     : idle.Scalar() == "pause" ? io::IdlePolicy::kPause
                     : idle.Scalar() == "sleep" ? io::IdlePolicy::kSleep
                                                : io::IdlePolicy::kBlock;
    }
    if (const YAML::Node scheduling = node["scheduling"]) ReadScheduling(scheduling, workers);
  }

  void ReadScheduling(const YAML::Node& node, WorkersConfig& workers) {
    workers.scheduling = node.Scalar() == "realtime" ? io::Scheduling::kRealtime
                         : node.Scalar() == "normal" ? io::Scheduling::kNormal
                                                     : io::Scheduling::kAuto;
    const bool sleeps = workers.idle == io::IdlePolicy::kSleep || workers.idle == io::IdlePolicy::kBlock;
    if (workers.scheduling != io::Scheduling::kRealtime || sleeps) return;
    // The kernel stops real-time threads that use more than 95 % of a CPU for the rest of each second.
    Refuse(node, "workers.scheduling", "auto or normal while workers.idle is spin or pause");
  }

  void ReadLimit(const YAML::Node& node, const std::string& path, MediaLimitConfig& limit) {
    if (!node) return;
    Take(node["packets_per_second"], limit.packets_per_second);
    Take(node["kilobits_per_second"], limit.kilobits_per_second);
    for (const char* const key : {"packets_per_second", "kilobits_per_second"}) {
      // A call would not pass.
      if (node[key] && node[key].as<uint32_t>() - 1 < 99) Refuse(node[key], path + "." + key, "0 or at least 100");
    }
  }

  void ReadPort(const YAML::Node& node, PortConfig& port) {
    if (!node) return;
    if (node["memory_mb"]) port.memory_mb = node["memory_mb"].as<uint32_t>();
    Take(node["hugepages"], port.use_hugepages);
    Take(node["telemetry"], port.enable_telemetry);
    if (const YAML::Node embedded = node["embedded"]; embedded && embedded["steering"]) {
      port.steering =
          embedded["steering"].Scalar() == "hash" ? io::EmbeddedSteering::kHash : io::EmbeddedSteering::kOwner;
    }
    const bool is_ethdev = node["kind"] && node["kind"].Scalar() == "ethdev";
    if (!is_ethdev) return;
    if (!node["ethdev"]) {
      return Say(node, "port.ethdev is missing, but port.kind is ethdev.");
    }
    ReadEthdev(node["ethdev"], port.ethdev.emplace());
  }

  void ReadEthdev(const YAML::Node& node, EthdevConfig& ethdev) {
    ethdev.device = node["device"].Scalar();
    if (node["mac"]) ethdev.mac = net::MacAddress::Parse(node["mac"].Scalar());
    if (ethdev.mac && ethdev.mac->is_group()) {
      Refuse(node["mac"], "port.ethdev.mac", "no group address");
    }
    if (node["vlan"]) ethdev.vlan = node["vlan"].as<uint16_t>();
    TakeSize(node["mtu"], ethdev.mtu);
    ethdev.ipv4 = ReadHost(node["ipv4"], "port.ethdev.ipv4", true);
    ethdev.ipv6 = ReadHost(node["ipv6"], "port.ethdev.ipv6", false);
    if (!node["ipv4"] && !node["ipv6"]) {
      Say(node, "port.ethdev has neither ipv4 nor ipv6, but must have one.");
    }
  }

  std::optional<EthdevConfig::Host> ReadHost(const YAML::Node& node, const std::string& key, bool is_v4) {
    if (!node) return std::nullopt;
    const std::string text = node["address"].Scalar();
    const auto prefix = net::IpPrefix::Parse(text);
    const auto address = net::IpAddress::Parse(text.substr(0, text.find('/')));
    if (!prefix || !address || address->is_v4() != is_v4) {
      Refuse(node["address"], key + ".address", is_v4 ? "as 192.0.2.10/24" : "as 2001:db8::10/64");
      return std::nullopt;
    }
    EthdevConfig::Host host{*prefix, *address, std::nullopt};
    if (node["gateway"]) host.gateway = ReadAddress(node["gateway"], key + ".gateway", is_v4);
    return host;
  }

  std::optional<net::IpAddress> ReadAddress(const YAML::Node& node, const std::string& key, bool is_v4) {
    if (!node) return std::nullopt;
    const auto address = net::IpAddress::Parse(node.Scalar());
    if (!address || address->is_v4() != is_v4 || address->is_unspecified() || address->is_multicast() ||
        address->is_broadcast()) {
      Refuse(node, key, is_v4 ? "one IPv4 address of a host, not 0.0.0.0" : "one IPv6 address of a host, not ::");
      return std::nullopt;
    }
    return address;
  }

  void ReadMedia(const YAML::Node& node, DataplaneConfig& config) {
    MediaConfig& media = config.media;
    if (node) {
      ReadLeg(node["access"], "media.access", media.access);
      ReadLeg(node["ims"], "media.ims", media.ims);
      if (const YAML::Node ports = node["ports"]) {
        Take(ports["first"], media.first_port);
        Take(ports["last"], media.last_port);
        if (media.last_port < media.first_port + 4 * config.workers.count) {
          Say(ports, "media.ports is " + std::to_string(media.first_port) + " to " + std::to_string(media.last_port) +
                         ", but must have at least four ports for each worker.");
        }
      }
      ReadLimit(node["access_limit"], "media.access_limit", media.access_limit);
      ReadLimit(node["ims_limit"], "media.ims_limit", media.ims_limit);
      TakeSeconds(node["access_timeout_seconds"], media.access_timeout);
      TakeSeconds(node["ims_timeout_seconds"], media.ims_timeout);
      for (const auto& profile : node["srtp_profiles"]) {
        media.srtp_profiles.push_back(profile.Scalar());
      }
      Take(node["srtp_backend"], media.srtp_backend);
      if (const YAML::Node encoder = node["amr_wb_encoder"]) {
        media.use_amr_wb_batch = encoder.Scalar() == "auto";
      }
      if (const YAML::Node encoder = node["opus_encoder"]) {
        media.opus_coding = encoder.Scalar() == "adaptive" ? codec::OpusCoding::kAdaptive : codec::OpusCoding::kSpeech;
      }
      if (const YAML::Node tones = node["tones"]) {
        // The schema has let nothing else pass.
        media.tones = pipeline::ToneCountryFromCode(tones.Scalar()).value_or(media.tones);
      }
      Take(node["announcements"], media.announcements);
    }
    CompleteLeg(node ? node["access"] : YAML::Node(), "media.access", config.port, media.access);
    CompleteLeg(node ? node["ims"] : YAML::Node(), "media.ims", config.port, media.ims);
  }

  void ReadLeg(const YAML::Node& node, const std::string& key, LegConfig& leg) {
    if (!node) return;
    leg.ipv4 = ReadAddress(node["ipv4"], key + ".ipv4", true);
    leg.ipv6 = ReadAddress(node["ipv6"], key + ".ipv6", false);
    leg.advertised_ipv4 = ReadAddress(node["advertised_ipv4"], key + ".advertised_ipv4", true);
    leg.advertised_ipv6 = ReadAddress(node["advertised_ipv6"], key + ".advertised_ipv6", false);
    if (node["dscp"]) leg.dscp = static_cast<uint8_t>(node["dscp"].as<unsigned>());
  }

  // Addresses that were not given are the NIC's, or loopback.
  void CompleteLeg(const YAML::Node& node, const std::string& key, const PortConfig& port, LegConfig& leg) {
    const bool is_given = node && node.IsMap() && (node["ipv4"] || node["ipv6"]);
    if (!port.ethdev) {
      if (!is_given) leg.ipv4 = net::IpAddress::V4(127, 0, 0, 1);
      return;
    }
    const auto fit = [&](const char* family, const std::optional<EthdevConfig::Host>& host,
                         std::optional<net::IpAddress>& address) {
      if (!is_given && host) address = host->address;
      if (is_given && address && (!host || host->address != *address)) {
        Refuse(node[family], key + "." + family, std::string("the address of port.ethdev.") + family);
      }
    };
    fit("ipv4", port.ethdev->ipv4, leg.ipv4);
    fit("ipv6", port.ethdev->ipv6, leg.ipv6);
  }

  std::vector<std::string> mistakes_;
};

std::string Join(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

}  // namespace

std::string_view ConfigSchema() { return kConfigSchema; }

base::Result<DataplaneConfig, std::string> ParseConfig(const std::string& yaml) {
  if (yaml.size() > kMaxFileBytes) return std::string("the file is longer than 256 KB.");
  try {
    YAML::Node root = YAML::Load(yaml);
    if (root.IsNull()) root = YAML::Node(YAML::NodeType::Map);
    static const YAML::Node schema = YAML::Load(std::string(kConfigSchema));
    if (const auto mistakes = CheckAgainstSchema(root, schema); !mistakes.empty()) {
      return Join(mistakes);
    }
    Reader reader;
    // A const view: looking for a key must not add it.
    const YAML::Node& view = root;
    DataplaneConfig config = reader.Read(view);
    if (const auto mistakes = reader.TakeMistakes(); !mistakes.empty()) return Join(mistakes);
    return config;
  } catch (const YAML::Exception& error) {
    return "line " + std::to_string(error.mark.line + 1) + ": this is no YAML: " + error.msg + ".";
  }
}

base::Result<DataplaneConfig, std::string> ReadConfigFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return path + " cannot be read.";
  std::ostringstream text;
  text << file.rdbuf();
  auto config = ParseConfig(text.str());
  if (config) return config;
  // Every mistake says in which file it is.
  std::string named;
  std::istringstream lines(config.error());
  for (std::string line; std::getline(lines, line);) {
    named += (named.empty() ? "" : "\n") + path + ": " + line;
  }
  return named;
}

}  // namespace byon::config
