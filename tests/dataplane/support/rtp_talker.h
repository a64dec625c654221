#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/sequence_unwrapper.h"
#include "dataplane/codec/audio_decoder.h"
#include "dataplane/codec/audio_encoder.h"
#include "dataplane/rtp/rtp_packet_view.h"
#include "dataplane/rtp/telephone_event.h"

namespace byon::test {

// The plain RTP of a simulated endpoint: a tone out, samples and statistics of what comes in.
class RtpTalker {
 public:
  struct Config {
    codec::CodecFormat format;
    uint8_t payload_type = 0;
    uint8_t telephone_event_payload_type = 101;
    uint32_t ssrc = 0;
    double tone_hz = 440;
    double amplitude = 8000;
  };

  explicit RtpTalker(const Config& config);

  // The next 20 ms of tone as one RTP packet; nothing while the encoder has none ready.
  std::optional<std::vector<std::byte>> NextPacket();
  // The next packet of a digit: one each 20 ms, three with the end bit; audio time goes on meanwhile.
  std::vector<std::byte> TelephoneEventPacket(char digit, uint16_t duration, bool is_first, bool is_end,
                                              uint32_t event_timestamp);
  uint32_t next_timestamp() const { return timestamp_; }
  // Lets 20 ms pass without audio.
  void SkipFrame() { timestamp_ += frame_duration_; }
  // Another source from now on: as after a fork.
  void StartNewSource(uint32_t ssrc);
  void set_tone_hz(double tone_hz) { config_.tone_hz = tone_hz; }
  void set_amplitude(double amplitude) { config_.amplitude = amplitude; }

  // Takes a packet of the other side, in the order of arrival.
  void Receive(base::ByteSpan packet);

  const std::vector<int16_t>& samples() const { return samples_; }
  // The last `count` samples that were decoded.
  std::span<const int16_t> LastSamples(size_t count) const;
  void ForgetSamples() { samples_.clear(); }
  int sample_rate_hz() const { return decoder_->sample_rate_hz(); }

  struct Received {
    uint64_t packets = 0;
    uint64_t sequence_gaps = 0;     // sequence numbers skipped or repeated
    uint64_t timestamp_breaks = 0;  // audio whose timestamp is not where the last one ended
    uint64_t ssrc_changes = 0;
    uint64_t undecodable = 0;
    std::vector<std::byte> last_audio;  // payload
    std::optional<uint32_t> ssrc;
    std::vector<rtp::TelephoneEvent> events;
    std::vector<uint32_t> event_timestamps;
    std::vector<char> digits;  // of end packets, once each
  };
  const Received& received() const { return received_; }

 private:
  void ReceiveEvent(const rtp::RtpPacketView& packet);

  Config config_;
  std::unique_ptr<codec::AudioEncoder> encoder_;
  std::unique_ptr<codec::AudioDecoder> decoder_;
  uint32_t frame_duration_;  // of 20 ms, RTP clock units
  uint16_t sequence_number_ = 1000;
  uint32_t timestamp_ = 50'000;
  uint64_t sample_index_ = 0;

  Received received_;
  std::vector<int16_t> samples_;
  base::SequenceUnwrapper<uint16_t> sequence_unwrapper_;
  std::optional<int64_t> last_sequence_;
  std::optional<uint32_t> next_expected_timestamp_;
  std::optional<uint32_t> last_ended_event_;
};

}  // namespace byon::test
