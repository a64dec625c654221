#pragma once

#include <array>
#include <cstdint>

#include "dataplane/session/drop_counters.h"
#include "dataplane/session/session_event.h"

namespace byon::session {

// Mirrors TransportState in media_control.proto.
enum class TransportState : uint8_t { kNew, kIceConnected, kDtlsConnected, kConsentLost, kFailed };

struct LegStats {
  uint64_t packets_received = 0;
  uint64_t bytes_received = 0;  // RTP payload octets
  uint64_t packets_sent = 0;
  uint64_t bytes_sent = 0;            // RTP payload octets
  int64_t packets_lost = 0;           // RFC 3550 cumulative, of what was received
  double fraction_lost_remote = 0;    // of what was sent, by the peer's last report
  double jitter_ms = 0;               // interarrival, RFC 3550 section 6.4.1
  double round_trip_ms = 0;           // 0 before the first report
  double playout_delay_ms = 0;        // in the jitter buffer of what came on this leg
  uint64_t concealed_frames = 0;      // of what came on this leg
  uint64_t recovered_frames = 0;      // by in-band FEC; not among the concealed ones
  uint64_t late_packets = 0;
  uint64_t duplicate_packets = 0;
  uint64_t dtmf_received = 0;
  ShortText codec;                    // of what is received: "AMR-WB", "opus", ...
  double added_latency_ms = 0;        // arrival on this leg to departure on the other, mean
};

struct SessionStats {
  SessionHandle handle = 0;
  TransportState access_state = TransportState::kNew;
  LegStats access;
  LegStats ims;
  DropCounters drops;  // of the whole session, pipelines included
};

}  // namespace byon::session
