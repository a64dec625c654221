#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "dataplane/base/time.h"
#include "dataplane/codec/codec_format.h"
#include "dataplane/dtls/fingerprint.h"
#include "dataplane/net/ip_address.h"
#include "dataplane/pipeline/audio_clip.h"
#include "dataplane/pipeline/tone_plan.h"
#include "dataplane/session/media_budget.h"

namespace byon::rpc {

// Where one leg's ports are, by family; at least one.
struct LegAddresses {
  std::optional<net::IpAddress> v4;
  std::optional<net::IpAddress> v6;
  // What the peer is told instead, where a 1:1 NAT stands before us.
  std::optional<net::IpAddress> advertised_v4;
  std::optional<net::IpAddress> advertised_v6;
  uint8_t dscp = 46;  // EF
};

struct TlsFiles {
  std::string ca;    // PEM; who may call
  std::string cert;  // PEM; ours
  std::string key;   // PEM
};

// What the service needs to know besides the workers.
struct RpcConfig {
  std::string node_id;
  std::string version;
  std::string listen;           // "127.0.0.1:50051", "[::1]:50051", "unix:/run/byon/dataplane.sock"
  std::optional<TlsFiles> tls;  // absent: in the clear, for loopback and unix sockets
  base::TimeDelta lease = base::TimeDelta::Seconds(600);
  LegAddresses access;
  LegAddresses ims;
  uint16_t first_port = 20000;  // local UDP ports of all workers together
  uint16_t last_port = 29999;
  size_t sessions_per_worker = 2000;
  session::MediaLimit access_limit;
  session::MediaLimit ims_limit;
  base::TimeDelta access_media_timeout = base::TimeDelta::Seconds(30);
  base::TimeDelta ims_media_timeout = base::TimeDelta::Seconds(60);
  pipeline::ToneCountry tones = pipeline::ToneCountry::kItu;
  codec::OpusCoding opus_coding = codec::OpusCoding::kAdaptive;
  // What may be played, by name; must outlive the workers. Null: nothing.
  const pipeline::AnnouncementSet* announcements = nullptr;
  dtls::DtlsFingerprint fingerprint;
  // Called with key=value lines on the life of sessions; may be empty.
  std::function<void(const std::string&)> log_info;
  // Drops below the workers (packet I/O), by reason.
  std::function<std::map<std::string, uint64_t>()> io_drops;
};

}  // namespace byon::rpc
