#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/base/random.h"
#include "dataplane/rtp/reception_statistics.h"
#include "dataplane/rtp/rtcp_builder.h"
#include "dataplane/rtp/rtp_packet_view.h"
#include "dataplane/rtp/sender_statistics.h"
#include "tools/simphone/arrival_statistics.h"
#include "tools/simphone/audio_source.h"
#include "tools/simphone/dtmf_sender.h"
#include "tools/simphone/event_loop.h"
#include "tools/simphone/extended_reports.h"
#include "tools/simphone/phone_codec.h"
#include "tools/simphone/session_description.h"
#include "tools/simphone/wav_file.h"

namespace byon::simphone {

// One RTP stream each way with its RTCP: plays a source, records what comes, counts how it came.
class MediaStream {
 public:
  struct Observer {
    std::function<void(char digit, int duration_ms)> on_dtmf;
    std::function<void()> on_first_packet;
    std::function<void()> on_bye;  // RTCP BYE
    // With a relay: what it has to join. `audio` is nullptr before anything is agreed on.
    std::function<void(const std::string& ip, uint16_t port, const NegotiatedAudio* audio)> on_path;
  };
  struct Report {
    const ArrivalStatistics* arrivals = nullptr;
    uint64_t packets_sent = 0;
    int64_t largest_gap_ms = 0;
    int64_t ms_since_last_packet = -1;
    uint64_t undecodable = 0;
    uint64_t late = 0;
    uint64_t rtcp_sent = 0;
    uint64_t sender_reports_received = 0;
    uint64_t receiver_reports_received = 0;
    const ExtendedReports* extended = nullptr;
    double remote_fraction_lost = 0;
    double remote_jitter_ms = 0;
    double round_trip_ms = -1;
    double jitter_ms = 0;
    int last_mode_request = -1;
    std::string received_digits;
    std::string remote_source;  // ip:port the last packet came from
    std::string codec;
    bool is_sending = false;
    uint64_t recorded_samples = 0;
  };

  // Opens an even RTP port and the odd RTCP port above it, from `port_base` upwards. With a relay's
  // address everything is sent to that, to the stream's own port numbers. Throws std::runtime_error
  // when no port is free.
  MediaStream(EventLoop& loop, std::string local_ip, std::string relay_ip, uint16_t port_base, int rtcp_interval_ms,
              uint64_t seed, Observer observer);
  ~MediaStream();
  MediaStream(const MediaStream&) = delete;
  MediaStream& operator=(const MediaStream&) = delete;

  // The address to give out.
  const std::string& public_ip() const { return relay_ip_.empty() ? local_ip_ : relay_ip_; }
  uint16_t local_port() const { return local_port_; }
  void MoveToNewPort();

  // Starts, or goes on with other parameters; SSRC and sequence numbers carry on.
  void Configure(const NegotiatedAudio& audio, bool sends);
  // Ends with RTCP BYE.
  void Stop();

  AudioSource& source() { return source_; }
  void SendDtmf(const std::string& digits, int duration_ms, int gap_ms) { dtmf_.Queue(digits, duration_ms, gap_ms); }
  // From now on, or again from the start into another file. 16 kHz always.
  void Record(const std::string& path);
  void StopRecording();
  Report MakeReport() const;
  void RestartGap() { arrivals_.RestartGap(EventLoop::Clock::now()); }

 private:
  void OpenSockets(uint16_t from_port);
  void ReportPath() const;
  void SendTo(int socket, bool is_rtcp, base::ByteSpan packet) const;
  void CloseSockets();
  void ScheduleTick();
  void Tick();
  void SendFrame();
  void SendEvent(const DtmfSender::Report& report);
  void SendPacket(int payload_type, bool marker, uint32_t timestamp, base::ByteSpan payload);
  void ReadRtp();
  void ReadRtcp();
  void AddExtendedReport(rtp::RtcpBuilder& builder);
  void ReceiveEvent(const rtp::RtpPacketView& packet);
  void RecordPacket(const rtp::RtpPacketView& packet);
  void SendRtcp(bool is_last);
  void ScheduleRtcp();

  EventLoop& loop_;
  std::string local_ip_;
  std::string relay_ip_;
  uint16_t port_base_;
  int rtcp_interval_ms_;
  Observer observer_;
  base::Random random_;
  uint16_t local_port_ = 0;
  int rtp_socket_ = -1;
  int rtcp_socket_ = -1;

  std::optional<NegotiatedAudio> audio_;
  std::unique_ptr<PhoneCodec> codec_;
  bool sends_ = false;
  bool is_first_packet_of_spurt_ = true;
  AudioSource source_;
  DtmfSender dtmf_;
  std::optional<uint32_t> event_timestamp_;
  EventLoop::TimerId tick_timer_ = 0;
  EventLoop::Clock::time_point next_tick_;
  EventLoop::TimerId rtcp_timer_ = 0;

  uint16_t sequence_ = 0;
  uint32_t timestamp_ = 0;
  std::optional<rtp::SenderStatistics> sent_;
  std::optional<rtp::ReceptionStatistics> received_;
  ArrivalStatistics arrivals_;
  ExtendedReports extended_;
  Report counters_;
  std::optional<uint32_t> last_event_timestamp_;

  std::unique_ptr<WavWriter> recording_;
  EventLoop::Clock::time_point recording_start_;
  std::optional<uint32_t> recording_ssrc_;
  base::SequenceUnwrapper<uint32_t> recording_unwrapper_;
  int64_t recording_origin_ = 0;  // unwrapped timestamp that stands at position zero
  int64_t recording_last_ = 0;    // of the last decoded packet
  uint32_t recording_rate_hz_ = 0;
};

}  // namespace byon::simphone
