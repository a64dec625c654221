#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/result.h"
#include "dataplane/base/time.h"
#include "dataplane/codec/codec_format.h"
#include "dataplane/io/embedded_device.h"
#include "dataplane/io/idle_policy.h"
#include "dataplane/io/scheduling.h"
#include "dataplane/net/ip_address.h"
#include "dataplane/net/mac_address.h"
#include "dataplane/pipeline/tone_plan.h"

namespace byon::config {

struct TlsConfig {
  std::string ca, cert, key;  // PEM files
};
struct ControlConfig {
  std::string listen = "127.0.0.1:50051";
  std::optional<TlsConfig> tls;
  base::TimeDelta lease = base::TimeDelta::Seconds(600);
  base::TimeDelta drain = base::TimeDelta::Seconds(10);
};
struct WorkersConfig {
  size_t count = 1;
  std::vector<std::string> cpus;  // one a worker, or none
  std::string control_cpus;
  size_t sessions = 2000;
  io::IdlePolicy idle = io::IdlePolicy::kBlock;
  io::Scheduling scheduling = io::Scheduling::kAuto;
};
struct EthdevConfig {
  struct Host {
    net::IpPrefix prefix;
    net::IpAddress address;
    std::optional<net::IpAddress> gateway;
  };
  std::string device;
  std::optional<net::MacAddress> mac;
  std::optional<uint16_t> vlan;
  size_t mtu = 1500;
  std::optional<Host> ipv4, ipv6;
};
struct PortConfig {
  std::optional<uint32_t> memory_mb;
  bool use_hugepages = false;
  bool enable_telemetry = false;
  io::EmbeddedSteering steering = io::EmbeddedSteering::kOwner;
  std::optional<EthdevConfig> ethdev;  // absent: the embedded port
};
struct LegConfig {
  std::optional<net::IpAddress> ipv4, ipv6;
  std::optional<net::IpAddress> advertised_ipv4, advertised_ipv6;
  uint8_t dscp = 46;
};
// What one call's side may send; 0: no limit.
struct MediaLimitConfig {
  uint32_t packets_per_second = 500;
  uint32_t kilobits_per_second = 4000;
};
struct MediaConfig {
  LegConfig access, ims;
  uint16_t first_port = 20000;
  uint16_t last_port = 29999;
  MediaLimitConfig access_limit, ims_limit;
  base::TimeDelta access_timeout = base::TimeDelta::Seconds(30);
  base::TimeDelta ims_timeout = base::TimeDelta::Seconds(60);
  std::vector<std::string> srtp_profiles;  // empty: the house's order
  std::string srtp_backend = "auto";
  bool use_amr_wb_batch = true;
  codec::OpusCoding opus_coding = codec::OpusCoding::kAdaptive;
  pipeline::ToneCountry tones = pipeline::ToneCountry::kItu;
  std::string announcements;  // a directory of WAV files; empty: none
};
enum class LogLevel : uint8_t { kError, kWarning, kInfo, kDebug };

// Everything an operator decides. Checked once, then passed by const reference.
struct DataplaneConfig {
  std::string node_id = "dataplane-1";
  ControlConfig control;
  WorkersConfig workers;
  PortConfig port;
  MediaConfig media;
  LogLevel log_level = LogLevel::kInfo;
};

// From a YAML text; an empty one gives the defaults. The error lists every mistake, one sentence a
// line: line number, key, value, what is allowed.
base::Result<DataplaneConfig, std::string> ParseConfig(const std::string& yaml);
base::Result<DataplaneConfig, std::string> ReadConfigFile(const std::string& path);

// The JSON Schema (draft-07) that the text is checked against.
std::string_view ConfigSchema();

}  // namespace byon::config
