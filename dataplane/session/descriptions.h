#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/base/time.h"
#include "dataplane/dtls/dtls_transport.h"
#include "dataplane/dtls/fingerprint.h"
#include "dataplane/ice/ice_lite_agent.h"
#include "dataplane/net/socket_address.h"
#include "dataplane/pipeline/hold_audio.h"
#include "dataplane/pipeline/stream_format.h"
#include "dataplane/pipeline/tone_plan.h"
#include "dataplane/session/media_budget.h"
#include "dataplane/session/rtcp_parameters.h"

// What the two ends of a session's legs are: the domain side of AccessRemote, ImsRemote and their
// locals in media_control.proto. They are built on a control thread and may hold heap memory; the
// worker moves or reads them, and they go back to a control thread to be destroyed.
namespace byon::session {

enum class Leg : uint8_t { kAccess, kIms };

// Which way media may flow, seen from the gateway (RFC 3264 section 5.1).
enum class Direction : uint8_t { kSendRecv, kSendOnly, kRecvOnly, kInactive };
constexpr bool MaySend(Direction d) { return d == Direction::kSendRecv || d == Direction::kSendOnly; }
constexpr bool MayReceive(Direction d) { return d == Direction::kSendRecv || d == Direction::kRecvOnly; }

using ice::IceCredentials;

// Names a session between the threads, never twice within a process. The access leg's port is in it,
// so that a worker finds the session by its table of ports alone.
using SessionHandle = uint64_t;
constexpr SessionHandle MakeSessionHandle(uint64_t serial, uint16_t access_port) { return serial << 16 | access_port; }
constexpr uint16_t AccessPortOf(SessionHandle handle) { return static_cast<uint16_t>(handle); }

// The codecs of a leg after offer and answer, with their telephone-events.
struct AudioDescription {
  pipeline::StreamFormat send;
  std::vector<pipeline::StreamFormat> receive;  // the first is the preferred one; 1 to 8
  bool operator==(const AudioDescription&) const = default;
};

struct AccessRemote {
  std::optional<IceCredentials> ice;
  std::vector<dtls::DtlsFingerprint> fingerprints;  // empty: as they are
  std::optional<dtls::DtlsRole> gateway_dtls_role;
  std::optional<AudioDescription> audio;
  std::optional<Direction> direction;
  std::optional<RtcpParameters> rtcp_parameters;  // absent: as they are
  std::optional<bool> is_muted;                   // what comes from this leg is sent on as silence
  std::optional<pipeline::HoldAudio> hold_audio;  // what this leg is sent; absent: as it is
};

struct ImsRemote {
  std::optional<net::SocketAddress> rtp;   // absent: as it is; port 0 or 0.0.0.0: media is off
  std::optional<net::SocketAddress> rtcp;  // absent: RTP port + 1 (RFC 3550 section 11)
  bool rtcp_mux = false;
  std::optional<RtcpParameters> rtcp_parameters;  // absent: as they are
  std::optional<AudioDescription> audio;
  std::optional<Direction> direction;
  bool symmetric_rtp = false;
  std::optional<bool> is_muted;
  std::optional<pipeline::HoldAudio> hold_audio;
  uint8_t dscp = 0;       // 0: SessionConfig's ims_dscp
  std::string stream_id;  // the early dialog; a change of it or of the address starts a new source
};

// The gateway's own ends, chosen by the control thread.
struct AccessLocal {
  net::SocketAddress address;  // where the leg receives and sends (not the NAT's public address)
  IceCredentials ice;
  uint32_t ssrc = 0;
};
struct ImsLocal {
  net::SocketAddress rtp;
  net::SocketAddress rtcp;
  uint32_t ssrc = 0;
};

// Everything a session is born with.
struct SessionConfig {
  SessionHandle handle = 0;  // MakeSessionHandle(serial, access.address.port)
  AccessLocal access;
  ImsLocal ims;
  std::string cname;         // RFC 3550 section 6.5.1, both legs
  uint64_t random_seed = 0;  // first sequence numbers and timestamps
  uint8_t access_dscp = 46;  // EF, RFC 8837
  uint8_t ims_dscp = 46;     // EF, TS 23.107 conversational voice
  pipeline::ToneCountry tones = pipeline::ToneCountry::kItu;
  MediaLimit access_limit;
  MediaLimit ims_limit;
  base::TimeDelta access_media_timeout = base::TimeDelta::Seconds(30);
  base::TimeDelta ims_media_timeout = base::TimeDelta::Seconds(60);
};

// Parts that are present replace what was; absent parts stay as they are.
struct SessionDescriptions {
  std::optional<AccessRemote> access;
  std::optional<ImsRemote> ims;
  std::optional<IceCredentials> restart_ice;  // new local credentials, RFC 8445 section 9
};

}  // namespace byon::session
