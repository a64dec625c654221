#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/bytes.h"
#include "dataplane/base/time.h"
#include "dataplane/pipeline/packet_sink.h"
#include "dataplane/rtp/rtp_packet_builder.h"
#include "dataplane/rtp/types.h"

namespace byon::pipeline {

// SSRC, sequence number and timestamp of what is sent (RFC 3550 section 5.1). The timestamp runs with
// the ticks whether something is sent or not, and goes on from where it is when the clock rate changes
// (RFC 7160 section 4.1).
class OutgoingStream {
 public:
  OutgoingStream(rtp::Ssrc ssrc, uint64_t random_seed);

  void SetClockRate(uint32_t clock_rate_hz) {
    if (clock_rate_hz != clock_rate_hz_) sent_until_.reset();
    clock_rate_hz_ = clock_rate_hz;
  }
  uint32_t clock_rate_hz() const { return clock_rate_hz_; }
  rtp::Ssrc ssrc() const { return ssrc_; }

  // Starts the 20 ms that were due at `now`. The time of ticks that were left out passes too: to the
  // receiver they are a gap, not a delay that stays.
  void Advance(base::Timestamp now);
  // Of the 20 ms that start at this tick.
  rtp::RtpTimestamp timestamp() const { return timestamp_; }
  rtp::RtpTimestamp TimestampAt(base::Timestamp now) const;

  // Writes one packet; `write_payload(room)` returns the bytes it wrote, 0 for no packet. Returns
  // whether a packet went out; `has_buffer` is false afterwards when the sink had none.
  template <typename WritePayload>
  bool Send(PacketSink& sink, uint8_t payload_type, rtp::RtpTimestamp timestamp, bool marker,
            WritePayload write_payload) {
    const base::MutableByteSpan buffer = sink.Reserve();
    has_buffer_ = !buffer.empty();
    if (!has_buffer_) {
      ++sequence_number_;  // to the receiver it is lost, and that is what happened
      return false;
    }
    return Finish(sink, buffer, payload_type, timestamp, marker, write_payload);
  }
  bool has_buffer() const { return has_buffer_; }

  // A packet that is passed on as it is, `duration` units long, under numbers that go on from these: what
  // is sent afterwards goes on behind the highest of them.
  rtp::SequenceNumber next_sequence_number() const { return sequence_number_; }
  rtp::RtpTimestamp NextTimestampAt(base::Timestamp now) const;
  bool Relay(PacketSink& sink, const rtp::RtpHeader& header, base::ByteSpan payload, uint32_t duration);
  // Whether what was relayed reaches beyond the start of this tick: nothing can be sent in it.
  bool IsAhead();

 private:
  template <typename WritePayload>
  bool Finish(PacketSink& sink, base::MutableByteSpan buffer, uint8_t payload_type, rtp::RtpTimestamp timestamp,
              bool marker, WritePayload write_payload) {
    rtp::RtpPacketBuilder builder(buffer, {marker, {payload_type}, sequence_number_, timestamp, ssrc_});
    const base::MutableByteSpan room = builder.PayloadRoom();
    const size_t payload_bytes = room.empty() ? 0 : write_payload(room);
    const auto packet = payload_bytes == 0 ? std::nullopt : builder.Finish(payload_bytes);
    if (!packet) {
      sink.Abandon();
      return false;
    }
    ++sequence_number_;
    sent_until_ = timestamp_ + int64_t{clock_rate_hz_} / 50;
    sink.Commit(packet->size());
    return true;
  }

  rtp::Ssrc ssrc_;
  rtp::SequenceNumber sequence_number_;
  rtp::RtpTimestamp timestamp_;
  uint32_t clock_rate_hz_ = 0;
  base::Timestamp tick_time_;  // when this tick was due
  base::Timestamp next_tick_time_;
  std::optional<rtp::RtpTimestamp> sent_until_;  // since the last tick that sent something
  bool has_ticked_ = false;
  bool has_buffer_ = true;
};

}  // namespace byon::pipeline
