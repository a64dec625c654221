#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What a negotiation ends in: the two legs of a call as values that the media plane understands.
// They follow AccessRemote, AccessLocal, ImsRemote and ImsLocal of media_control.proto field by
// field.
namespace byon::sdp {

// Which way media flows, seen from the gateway (RFC 3264 section 5.1).
enum class Direction : uint8_t { kSendRecv, kSendOnly, kRecvOnly, kInactive };
std::string_view ToString(Direction direction);
// How the other end sees it.
Direction Reversed(Direction direction);
// Only what both allow.
Direction Intersect(Direction a, Direction b);
constexpr bool MaySend(Direction d) { return d == Direction::kSendRecv || d == Direction::kSendOnly; }
constexpr bool MayReceive(Direction d) { return d == Direction::kSendRecv || d == Direction::kRecvOnly; }

struct TransportAddress {
  std::string ip;
  uint16_t port = 0;
  bool operator==(const TransportAddress&) const = default;
};

// The gateway's part in the DTLS handshake; a=setup:active is the client (RFC 5763 section 5).
enum class DtlsRole : uint8_t { kClient, kServer };

struct Fingerprint {
  std::string algorithm;  // sha-256, sha-384, sha-512
  std::string value;      // AA:BB:...
  bool operator==(const Fingerprint&) const = default;
};

struct Candidate {
  std::string ip;
  uint16_t port = 0;
  uint32_t priority = 0;
  std::string foundation;
};

// One codec under one payload type.
struct AudioCodec {
  uint8_t payload_type = 0;
  std::string encoding_name;  // canonical: opus, AMR-WB, AMR, PCMU, PCMA
  uint32_t clock_rate_hz = 0;
  uint8_t channels = 1;
  // AMR and AMR-WB, RFC 4867 section 8.
  bool octet_align = false;
  std::vector<uint8_t> mode_set;  // ascending; empty: all modes
  uint8_t mode_change_period = 1;
  bool mode_change_neighbor = false;
  // Opus, RFC 7587 section 6.1.
  bool use_inband_fec = false;
  bool use_dtx = false;
  bool stereo = false;
  uint32_t max_average_bitrate_bps = 0;  // 0: the encoder's own choice
  uint32_t max_playback_rate_hz = 0;     // 0: 48000
  uint16_t ptime_ms = 20;
  uint16_t max_ptime_ms = 0;  // 0: the codec's own limit
  bool operator==(const AudioCodec&) const = default;
};

// RFC 4733; the clock follows the codec's (TS 26.114 section 5.2.1).
struct TelephoneEvent {
  uint8_t payload_type = 0;
  uint32_t clock_rate_hz = 8000;
  bool operator==(const TelephoneEvent&) const = default;
};

struct AudioFormat {
  AudioCodec send;
  std::vector<AudioCodec> receive;  // the first is the preferred one
  std::vector<TelephoneEvent> telephone_events;
  // audio/red (RFC 2198) with receive[0], which the other end may send in its place.
  std::optional<uint8_t> red_payload_type;
  bool operator==(const AudioFormat&) const = default;
};

// What of a=rtcp-xr is of use here (RFC 3611 section 5.1): the blocks that a peer asks for.
struct RtcpXr {
  bool voip_metrics = false;
  bool receiver_reference_time = false;  // rcvr-rtt: it answers our reference times
  bool operator==(const RtcpXr&) const = default;
};

// The browser's end.
struct AccessMedia {
  std::string ice_ufrag;
  std::string ice_pwd;
  std::vector<Fingerprint> fingerprints;
  DtlsRole gateway_dtls_role = DtlsRole::kClient;
  AudioFormat audio;
  Direction direction = Direction::kSendRecv;
  RtcpXr rtcp_xr;
  bool operator==(const AccessMedia&) const = default;
};
struct AccessLocal {
  std::string ice_ufrag;
  std::string ice_pwd;
  std::vector<Candidate> candidates;
  Fingerprint fingerprint;
  uint32_t ssrc = 0;
  std::string cname;
};

// The network's end.
struct ImsMedia {
  std::optional<TransportAddress> rtp;   // absent: media is off (c=0.0.0.0 or port 0)
  std::optional<TransportAddress> rtcp;  // absent: RTP port + 1
  bool rtcp_mux = false;
  bool use_avpf = false;
  AudioFormat audio;
  Direction direction = Direction::kSendRecv;
  RtcpXr rtcp_xr;
  std::optional<uint32_t> rtcp_bandwidth_bps;  // b=RS and b=RR together (RFC 3556); absent: not said
  bool operator==(const ImsMedia&) const = default;
};
struct ImsLocal {
  TransportAddress rtp;
  TransportAddress rtcp;
  uint32_t ssrc = 0;
  std::string cname;
};

// The o= line of our own descriptions: the id stays for the dialog, the version grows by one with
// every change (RFC 3264 section 8).
struct OriginId {
  uint64_t session_id = 0;
  uint64_t version = 1;
};

}  // namespace byon::sdp
