#include "dataplane/pipeline/outgoing_stream.h"

#include "dataplane/base/random.h"
#include "dataplane/codec/audio_frame.h"

namespace byon::pipeline {
namespace {

constexpr base::TimeDelta kTick = base::TimeDelta::Milliseconds(codec::kFrameMs);
// Ahead of the grid by more than this, the owner has moved the tick to another place in it.
constexpr base::TimeDelta kMoved = base::TimeDelta::Milliseconds(100);

}  // namespace

OutgoingStream::OutgoingStream(rtp::Ssrc ssrc, uint64_t random_seed) : ssrc_(ssrc) {
  base::Random random(random_seed);
  // The first sequence number stays below half, so that early loss cannot look like a wrap to SRTP
  // (RFC 3711 section 3.3.1).
  sequence_number_.value = static_cast<uint16_t>(random.NextU32() & 0x7fff);
  timestamp_.value = random.NextU32();
}

void OutgoingStream::Advance(base::Timestamp now) {
  const int64_t units = int64_t{clock_rate_hz_} * codec::kFrameMs / 1000;
  if (!has_ticked_) {
    has_ticked_ = true;
    next_tick_time_ = now;
  } else {
    timestamp_ = timestamp_ + units;
  }
  // Ticks come with the time at which they were due, however late they are served: what is missing
  // was given up.
  const base::TimeDelta missing = now - next_tick_time_;
  if (missing >= kTick) {
    const int64_t left_out = missing / kTick;
    timestamp_ = timestamp_ + left_out * units;
    next_tick_time_ += kTick * left_out;
  } else if (missing < -kMoved) {
    next_tick_time_ = now;
  }
  tick_time_ = next_tick_time_;
  next_tick_time_ += kTick;
}

rtp::RtpTimestamp OutgoingStream::TimestampAt(base::Timestamp now) const {
  if (!has_ticked_) return timestamp_;
  // What goes out at a tick was spoken during the 20 ms before; RTCP only asks for one fixed mapping.
  const base::TimeDelta since = now - tick_time_;
  const int64_t rate = clock_rate_hz_;
  return timestamp_ + since.microseconds() * rate / 1'000'000;
}

rtp::RtpTimestamp OutgoingStream::NextTimestampAt(base::Timestamp now) const {
  const rtp::RtpTimestamp timestamp = TimestampAt(now);
  return sent_until_ && timestamp - *sent_until_ < 0 ? *sent_until_ : timestamp;
}

bool OutgoingStream::Relay(PacketSink& sink, const rtp::RtpHeader& header, base::ByteSpan payload, uint32_t duration) {
  const auto steps = static_cast<int16_t>(static_cast<uint16_t>(header.sequence_number.value - sequence_number_.value));
  if (steps >= 0) sequence_number_ = header.sequence_number + 1;
  const rtp::RtpTimestamp end = header.timestamp + int64_t{duration};
  if (!sent_until_ || end - *sent_until_ > 0) sent_until_ = end;
  const base::MutableByteSpan buffer = sink.Reserve();
  has_buffer_ = !buffer.empty();
  if (!has_buffer_) return false;
  rtp::RtpPacketBuilder builder(buffer, header);
  builder.SetPayload(payload);
  const auto packet = builder.Finish();
  if (!packet) {
    sink.Abandon();
    return false;
  }
  sink.Commit(packet->size());
  return true;
}

bool OutgoingStream::IsAhead() {
  if (!sent_until_) return false;
  const int64_t ahead = *sent_until_ - timestamp_;
  // The source's clock is another: it may have run away from ours in a long call.
  if (ahead > int64_t{clock_rate_hz_} / 10) timestamp_ = *sent_until_;
  return ahead > 0 && timestamp_ != *sent_until_;
}

}  // namespace byon::pipeline
