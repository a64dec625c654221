#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "dataplane/base/random.h"
#include "dataplane/codec/audio_decoder.h"
#include "dataplane/dtls/dtls_transport.h"
#include "dataplane/rtp/reception_statistics.h"
#include "dataplane/srtp/srtp_session.h"
#include "dataplane/stun/stun_message_view.h"
#include "tools/load/onset_detector.h"
#include "tools/load/outbox.h"
#include "tools/load/profile.h"
#include "tools/load/received_stream.h"
#include "tools/load/sent_stream.h"

namespace byon::load {

inline constexpr uint8_t kOpusPayloadType = 111;

// The side of a call: the browser on the access leg, the phone on the IMS leg.
enum class Side : uint8_t { kBrowser, kPhone };

struct IceCredentials {
  std::string ufrag, pwd;
};

// A call's sockets: their addresses are what the gateway is told.
struct CallSockets {
  const UdpSocket* browser = nullptr;
  const UdpSocket* rtp = nullptr;
  const UdpSocket* rtcp = nullptr;
};

// The gateway's ends of a call.
struct NodeEnds {
  IceCredentials ice;
  dtls::DtlsFingerprint fingerprint;
  net::SocketAddress access, rtp, rtcp;
  uint8_t phone_payload_type = 0;
};

// What a call begins with, when the gateway has told its ends.
struct CallSetup {
  uint64_t id = 0;
  const PhoneCodecShare* codec = nullptr;
  const EncodedSpeech* browser_speech = nullptr;
  const EncodedSpeech* phone_speech = nullptr;
  IceCredentials own_ice;
  NodeEnds gateway;
  CallSockets sockets;
  bool is_probe = false;  // is listened to, for its delay
  uint64_t seed = 0;
};

// Where the times of all calls come together; one direction each.
struct DirectionTimes {
  ArrivalTimes arrivals;
  Histogram delay;  // of probe calls: from speech at one side to the same speech at the other
};

// What one side of a call sent and got.
struct SideCounts {
  uint64_t sent = 0;             // RTP packets that went out
  uint64_t lost_by_weather = 0;  // and that did not
  uint64_t rtcp_sent = 0;
  ReceivedStream::Counts received;
  uint64_t undecryptable = 0;
  uint64_t unexpected_payload_type = 0;
  double round_trip_ms = 0;  // by RTCP; 0 before the first report
};

// Both sides of a call: browser (ICE, SRTP, Opus) and phone (RTP, AMR or G.711). Sans-IO but for
// the outbox; one thread.
class MediaCall {
 public:
  static constexpr base::TimeDelta kCheckInterval = base::TimeDelta::Milliseconds(50);
  static constexpr base::TimeDelta kConsentInterval = base::TimeDelta::Seconds(5);  // RFC 7675 section 5.1
  static constexpr base::TimeDelta kIceLimit = base::TimeDelta::Seconds(10);
  // From keys to the first packet: as long as a browser needs to open its devices.
  static constexpr base::TimeDelta kMediaStart = base::TimeDelta::Milliseconds(50);

  MediaCall(CallSetup setup, const Profile& profile, base::Timestamp now);

  const CallSetup& setup() const { return setup_; }
  const KernelAddress& access_address() const { return access_address_; }

  // Sends what is due: checks, RTCP. False when ICE did not come about in time.
  [[nodiscard]] bool HandleTimeout(base::Timestamp now, Outbox& outbox, srtp::SrtpTransform& transform);
  base::Timestamp next_deadline() const { return std::min(next_check_, next_rtcp_); }

  // True when this answer connected ICE.
  [[nodiscard]] bool HandleStun(base::ByteSpan datagram, base::Timestamp now);
  void SetKeys(const dtls::DtlsConnected& keys, base::Timestamp now);
  srtp::SrtpSession* inbound() { return inbound_.get(); }

  bool is_ice_connected() const { return is_ice_connected_; }
  bool may_send(base::Timestamp now) const { return outbound_ && !is_stopped_ && now >= media_start_; }
  void Stop() { is_stopped_ = true; }
  bool is_stopped() const { return is_stopped_; }

  // The next 20 ms of a side.
  void SendMedia(Side side, base::Timestamp now, Outbox& outbox);
  // A packet of the gateway, decrypted. `times` may be null: nothing is measured.
  void HandleRtp(Side side, base::ByteSpan packet, base::Timestamp arrival, DirectionTimes* times);
  // Encrypted on the browser's side.
  void HandleRtcp(Side side, base::MutableByteSpan packet, base::Timestamp now, srtp::SrtpTransform& transform);
  void CountUndecryptable() { ++browser_.undecryptable; }

  SideCounts counts(Side side) const;
  bool has_media_both_ways() const {
    return browser_.arrived.counts().packets > 0 && phone_.arrived.counts().packets > 0;
  }

 private:
  struct Party {
    Party(SentStream stream, const codec::CodecFormat& format, const Weather& weather, uint64_t seed, bool listens);
    SentStream stream;
    ReceivedStream arrived;
    std::optional<rtp::ReceptionStatistics> reception;  // what RTCP is told of
    WeatherPath outgoing_weather, incoming_weather;
    uint8_t payload_type;
    uint64_t sent = 0, lost_by_weather = 0, rtcp_sent = 0;
    uint64_t undecryptable = 0, unexpected_payload_type = 0;
    uint32_t clock_rate_hz;
    // Of probe calls.
    std::unique_ptr<codec::AudioDecoder> decoder;
    std::optional<OnsetDetector> detector;
    std::optional<rtp::RtpTimestamp> next_timestamp;
  };

  Party& party(Side side) { return side == Side::kBrowser ? browser_ : phone_; }
  void SendCheck(base::Timestamp now, Outbox& outbox);
  void SendRtcp(Side side, base::Timestamp now, Outbox& outbox, srtp::SrtpTransform& transform);
  void Listen(Party& listener, Party& speaker, const rtp::RtpPacketView& packet, base::Timestamp arrival,
              DirectionTimes& times);

  CallSetup setup_;
  base::TimeDelta rtcp_interval_;
  base::Random random_;
  KernelAddress access_address_, rtp_address_, rtcp_address_;
  stun::IntegrityKey gateway_key_;
  stun::TransactionId transaction_{};
  bool is_ice_connected_ = false;
  bool is_stopped_ = false;
  base::Timestamp next_check_, ice_deadline_;
  base::Timestamp next_rtcp_ = base::Timestamp::Infinite();
  base::Timestamp media_start_ = base::Timestamp::Infinite();
  std::unique_ptr<srtp::SrtpSession> inbound_, outbound_;
  Party browser_, phone_;
};

// What a browser's audio is.
codec::CodecFormat BrowserFormat(bool use_dtx);
// The payload type of a phone's codec: G.711's own (RFC 3551 table 4), or a dynamic one.
uint8_t PhonePayloadType(const codec::CodecFormat& format);

}  // namespace byon::load
