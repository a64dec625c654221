#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/quality/burst_gap.h"
#include "dataplane/quality/quality_meter.h"
#include "dataplane/rtp/rtcp_xr.h"
#include "dataplane/session/drop_counters.h"
#include "dataplane/session/session_event.h"

namespace byon::session {

// Mirrors TransportState in media_control.proto.
enum class TransportState : uint8_t { kNew, kIceConnected, kDtlsConnected, kConsentLost, kFailed };

struct LegStats {
  uint64_t packets_received = 0;
  uint64_t bytes_received = 0;  // RTP payload octets
  uint64_t packets_sent = 0;
  uint64_t bytes_sent = 0;          // RTP payload octets
  int64_t packets_lost = 0;         // RFC 3550 cumulative, of what was received
  double fraction_lost_remote = 0;  // of what was sent, by the peer's last report
  double jitter_ms = 0;             // interarrival, RFC 3550 section 6.4.1
  double round_trip_ms = 0;         // 0 before the first report
  double playout_delay_ms = 0;      // in the jitter buffer of what came on this leg
  uint64_t concealed_frames = 0;    // of what came on this leg
  uint64_t recovered_frames = 0;    // by in-band FEC; not among the concealed ones
  uint64_t late_packets = 0;
  uint64_t duplicate_packets = 0;
  uint64_t dtmf_received = 0;
  ShortText codec;              // of what is received: "AMR-WB", "opus", ...
  double added_latency_ms = 0;  // arrival on this leg to departure on the other, mean
  // Of what came on this leg, as it is heard on the other.
  std::optional<quality::QualityEstimate> quality;       // the last 5 s with speech
  std::optional<quality::QualityEstimate> quality_mean;  // the call
  double worst_mos = 0;
  quality::BurstGap burst_gap;
  double fraction_discarded = 0;
  std::optional<float> signal_level_dbm0;
  std::optional<float> noise_level_dbm0;
  std::optional<rtp::VoipMetrics> remote;  // of what is sent, by the peer
  ShortText sent_codec;
};

struct SessionStats {
  SessionHandle handle = 0;
  TransportState access_state = TransportState::kNew;
  LegStats access;
  LegStats ims;
  DropCounters drops;  // of the whole session, pipelines included
};

}  // namespace byon::session
