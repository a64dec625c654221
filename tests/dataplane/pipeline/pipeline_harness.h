#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/time.h"
#include "dataplane/codec/audio_decoder.h"
#include "dataplane/codec/audio_encoder.h"
#include "dataplane/pipeline/packet_sink.h"
#include "dataplane/pipeline/transcoding_pipeline.h"
#include "dataplane/rtp/rtp_packet_builder.h"
#include "dataplane/rtp/rtp_packet_view.h"
#include "dataplane/rtp/telephone_event.h"
#include "tests/dataplane/support/network_simulator.h"

namespace byon::test {

using Bytes = std::vector<std::byte>;
using base::TimeDelta;
using base::Timestamp;

inline constexpr TimeDelta kTick = TimeDelta::Milliseconds(20);

pipeline::StreamFormat OpusFormat(uint8_t payload_type = 111);
pipeline::StreamFormat AmrWbFormat(uint8_t payload_type = 104);
pipeline::StreamFormat AmrFormat(uint8_t payload_type = 102);
pipeline::StreamFormat G711Format(codec::Codec codec);
pipeline::StreamFormat WithEvents(pipeline::StreamFormat format, uint8_t payload_type, uint32_t clock_rate_hz);

// A packet as the far end of the sending leg gets it.
struct SentPacket {
  Timestamp at;
  bool marker = false;
  uint8_t payload_type = 0;
  uint16_t sequence_number = 0;
  uint32_t timestamp = 0;
  uint32_t ssrc = 0;
  Bytes payload;
};

class CollectingSink final : public pipeline::PacketSink {
 public:
  base::MutableByteSpan Reserve() override;
  void Commit(size_t size) override;
  void Abandon() override {}

  std::vector<SentPacket> packets;
  Timestamp now;
  bool has_buffers = true;
  bool keeps_packets = true;
  std::function<void(const SentPacket&)> on_packet;

 private:
  std::array<std::byte, pipeline::kMaxPacketBytes> buffer_{};
};

// The far end of the receiving leg: 20 ms at a time it encodes audio and sends RTP into a simulated
// network that ends in the pipeline.
class FarSender {
 public:
  FarSender(const pipeline::StreamFormat& format, int sample_rate_hz, uint32_t ssrc);

  int sample_rate_hz() const { return encoder_->sample_rate_hz(); }
  // The packet, if one became ready, of these 20 ms.
  std::optional<Bytes> Speak(std::span<const int16_t> samples);
  // Time passes without audio, its timestamps run on.
  void PassSilence() { timestamp_ += units_per_frame_; }
  Bytes Event(uint8_t payload_type, const rtp::TelephoneEvent& report, uint32_t event_timestamp, bool marker);
  Bytes Packet(uint8_t payload_type, base::ByteSpan payload, uint32_t timestamp, bool marker);

  uint32_t timestamp() const { return timestamp_; }
  void set_timestamp(uint32_t timestamp) { timestamp_ = timestamp; }
  void set_sequence_number(uint16_t sequence_number) { sequence_number_ = sequence_number; }
  uint16_t sequence_number() const { return sequence_number_; }
  codec::AudioEncoder& encoder() { return *encoder_; }

 private:
  pipeline::StreamFormat format_;
  std::unique_ptr<codec::AudioEncoder> encoder_;
  uint32_t ssrc_;
  uint32_t units_per_frame_;
  uint16_t sequence_number_ = 65500;  // wraps soon
  uint32_t timestamp_ = 0xfffff000;
};

// Decodes what the pipeline sent, in order, one frame of silence for each 20 ms without a packet.
std::vector<int16_t> DecodeAll(std::span<const SentPacket> packets, const pipeline::StreamFormat& format,
                               int sample_rate_hz);

// One pipeline between a far sender and a collecting sink, in simulated time.
class PipelineHarness {
 public:
  PipelineHarness(const pipeline::StreamFormat& receive, const pipeline::StreamFormat& send,
                  const NetworkWeather& weather = NetworkWeather::Clean(), uint64_t seed = 1);

  using Fill = std::function<void(std::span<int16_t>)>;
  // Runs for a multiple of 20 ms while the far end says what `fill` gives.
  void Run(TimeDelta time, const Fill& fill);
  // Nothing is said; the sender's time passes.
  void RunSilent(TimeDelta time);
  // One 20 ms step; `packet` is sent at its start.
  void Step(const std::optional<Bytes>& packet);
  std::optional<pipeline::DropReason> Insert(const Bytes& packet);
  std::vector<pipeline::PipelineEvent> Events();

  std::vector<int16_t> Decoded() const;
  // Decoded audio of the packets sent since `from`.
  std::vector<int16_t> DecodedSince(size_t first_packet) const;
  int decoded_rate_hz() const { return decoded_rate_hz_; }

  pipeline::StreamFormat receive;
  pipeline::StreamFormat send;
  pipeline::TranscodingPipeline pipeline;
  CollectingSink sink;
  FarSender sender;
  NetworkSimulator<Bytes> network;
  Timestamp now = Timestamp::FromMilliseconds(1'000'000);
  TimeDelta tick_phase = TimeDelta::Milliseconds(7);  // of our ticks against the sender's packets
  double sender_drift = 0;                            // 1e-6: the sender's clock is 1 ppm fast

 private:
  int decoded_rate_hz_;
  double sender_time_ns_ = 0;
};

pipeline::ReceiveSetupPtr MustPrepareReceive(std::span<const pipeline::StreamFormat> formats,
                                             const pipeline::StreamFormat* send);
pipeline::SendSetupPtr MustPrepareSend(const pipeline::StreamFormat& send, const pipeline::StreamFormat* receive);

}  // namespace byon::test
