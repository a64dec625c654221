#include "dataplane/jitter/jitter_buffer.h"

#include <algorithm>

namespace byon::jitter {
namespace {

constexpr int64_t kReceivedWindow = 64;

}  // namespace

JitterBuffer::JitterBuffer(uint32_t clock_rate_hz) : clock_rate_hz_(clock_rate_hz), baseline_(clock_rate_hz) {}

void JitterBuffer::Reset(uint32_t clock_rate_hz, bool keep_target) {
  clock_rate_hz_ = clock_rate_hz;
  ForgetStream();
  ssrc_.reset();
  replaced_ssrc_.reset();
  if (keep_target) return;
  estimator_.Reset();
  late_share_ = 0;
}

void JitterBuffer::ForgetStream() {
  store_.Clear();
  baseline_ = ArrivalBaseline(clock_rate_hz_);
  sequence_unwrapper_.Reset();
  timestamp_unwrapper_.Reset();
  newest_.reset();
  received_mask_ = 0;
  jump_successor_.reset();
  stall_filter_.Reset();
  is_playing_ = false;
  is_in_dtx_ = false;
  held_ = 0;
}

// ---- Packets in -------------------------------------------------------------------------------------

InsertOutcome JitterBuffer::Insert(const StreamPacket& packet, const PacketTraits& traits, base::Timestamp arrival) {
  if (packet.payload.size() > kMaxPayloadBytes) return InsertOutcome::kTooLarge;
  const base::TimeDelta since_last = arrival - last_arrival_;
  const std::optional<int64_t> newest_before = newest_ ? std::optional(newest_->sequence_number) : std::nullopt;
  const InsertOutcome outcome = Admit(packet, arrival, true);
  if (outcome != InsertOutcome::kInserted && outcome != InsertOutcome::kLate) return outcome;

  StoredPacket stored = Unwrapped(packet, traits);
  stored.arrival = arrival;
  // Late packets above all must be heard of here: they are why the delay has to grow.
  const bool is_newest = !newest_before || stored.sequence_number > *newest_before;
  Learn(stored, is_newest, since_last);
  const bool has_passed = is_playing_ && !is_in_dtx_ && stored.timestamp + traits.duration <= next_timestamp_;
  if (outcome == InsertOutcome::kLate || has_passed) return InsertOutcome::kLate;
  Store(stored);
  return InsertOutcome::kInserted;
}

InsertOutcome JitterBuffer::InsertOther(const rtp::RtpPacketView& packet, base::Timestamp arrival) {
  const StreamPacket event = StreamPacket::Of(packet);
  const InsertOutcome outcome = Admit(event, arrival, false);
  if (outcome != InsertOutcome::kInserted) return outcome;
  StoredPacket stored;
  stored.sequence_number = sequence_unwrapper_.Peek(event.sequence_number.value);
  stored.arrival = arrival;
  stored.is_audio = false;
  Store(stored);
  return outcome;
}

bool JitterBuffer::InsertCopy(const StreamPacket& copy, const PacketTraits& traits, base::Timestamp arrival) {
  if (ssrc_ != copy.ssrc || !newest_) return false;
  if (copy.payload.size() > kMaxPayloadBytes || !store_.HasRoomFor(copy.payload.size())) {
    return false;
  }
  StoredPacket stored = Unwrapped(copy, traits);
  stored.arrival = arrival;
  stored.is_copy = true;
  if (stored.sequence_number >= newest_->sequence_number) return false;
  // What came before the first packet of the stream is no gap in it.
  const bool is_before_start =
      is_playing_ ? stored.sequence_number <= last_sequence_number_ || stored.timestamp < next_timestamp_
                  : store_.empty() || stored.sequence_number < store_.front().sequence_number;
  if (is_before_start || !FitsBetweenNeighbours(stored)) return false;
  if (!MarkReceived(stored.sequence_number)) return false;
  Store(stored);
  return true;
}

// The sender does not say which sequence number a copy had: a wrong guess is told by its timestamp.
bool JitterBuffer::FitsBetweenNeighbours(const StoredPacket& packet) const {
  for (size_t i = 0; i < store_.size(); ++i) {
    const StoredPacket& other = store_.at(i);
    if (!other.is_audio) continue;
    const bool is_before = other.sequence_number < packet.sequence_number;
    if (is_before && other.timestamp + other.duration > packet.timestamp) return false;
    if (!is_before && packet.timestamp + packet.duration > other.timestamp) return false;
  }
  return true;
}

StoredPacket JitterBuffer::Unwrapped(const StreamPacket& packet, const PacketTraits& traits) const {
  StoredPacket stored;
  stored.sequence_number = sequence_unwrapper_.Peek(packet.sequence_number.value);
  stored.timestamp = timestamp_unwrapper_.Peek(packet.timestamp.value);
  stored.duration = traits.duration;
  stored.payload_type = packet.payload_type;
  stored.is_dtx = traits.is_dtx;
  stored.has_redundancy = traits.has_redundancy;
  stored.helps_concealment = traits.helps_concealment;
  stored.plays_in_parts = traits.plays_in_parts;
  stored.SetPayload(packet.payload);
  return stored;
}

void JitterBuffer::Store(const StoredPacket& packet) {
  while (!store_.HasRoomFor(packet.payload_size)) {
    // Nobody reads, or the sender floods: what is newest is worth most.
    store_.Drop(store_.size() > 1 && HasBegun(store_.front()) ? 1 : 0);
    ++overflowed_packets_;
  }
  store_.Add(packet);
}

InsertOutcome JitterBuffer::Admit(const StreamPacket& packet, base::Timestamp arrival, bool is_audio) {
  if (!TakeSource(packet.ssrc, arrival)) return InsertOutcome::kOldSource;
  if (!IsPlausible(packet, arrival, is_audio)) {
    // RFC 3550 appendix A.1: two packets in a row make a restart, one alone may be a stray. A stream
    // that had stopped may start wherever it likes.
    const bool is_confirmed = jump_successor_ == packet.sequence_number.value;
    if (!is_confirmed && (is_playing_ || !store_.empty())) {
      jump_successor_ = (packet.sequence_number + 1).value;
      return InsertOutcome::kSequenceJump;
    }
    ForgetStream();
  }
  jump_successor_.reset();
  last_arrival_ = arrival;

  const int64_t sequence_number = sequence_unwrapper_.Peek(packet.sequence_number.value);
  const bool is_newest = !newest_ || sequence_number > newest_->sequence_number;
  if (!MarkReceived(sequence_number)) {
    const bool is_remembered = newest_->sequence_number - sequence_number < kReceivedWindow;
    return is_remembered ? InsertOutcome::kDuplicate : InsertOutcome::kLate;
  }
  if (is_newest) {
    sequence_unwrapper_.Unwrap(packet.sequence_number.value);
    // Events carry the timestamp of their start, perhaps of another clock.
    const int64_t timestamp =
        is_audio || !newest_ ? timestamp_unwrapper_.Unwrap(packet.timestamp.value) : newest_->timestamp;
    newest_ = Newest{sequence_number, timestamp, is_audio || !newest_ ? arrival : newest_->arrival};
  }
  if (is_playing_ && sequence_number <= last_sequence_number_) return InsertOutcome::kLate;
  return InsertOutcome::kInserted;
}

bool JitterBuffer::TakeSource(rtp::Ssrc ssrc, base::Timestamp arrival) {
  if (ssrc_ == ssrc) return true;
  if (replaced_ssrc_ == ssrc && arrival - replaced_at_ < kOldSourceGuard) return false;
  if (ssrc_) {
    replaced_ssrc_ = ssrc_;
    replaced_at_ = arrival;
    ForgetStream();
    ++source_changes_;
  }
  ssrc_ = ssrc;
  return true;
}

// Whether sequence number and timestamp are where time and the packets before would have them.
bool JitterBuffer::IsPlausible(const StreamPacket& packet, base::Timestamp arrival, bool is_audio) const {
  if (!newest_) return true;
  const int64_t sequence_step = sequence_unwrapper_.Peek(packet.sequence_number.value) - newest_->sequence_number;
  if (std::abs(sequence_step) > kPlausibleSequenceJump) return false;
  if (!is_audio) return true;  // an event keeps the timestamp of its start
  const base::TimeDelta step =
      UnitsToTime(timestamp_unwrapper_.Peek(packet.timestamp.value) - newest_->timestamp, clock_rate_hz_);
  const base::TimeDelta surprise = step - (arrival - newest_->arrival);
  if (surprise > kPlausibleJump || surprise < -kPlausibleJump) return false;
  // Later in sequence, much earlier in time: the sender's clock was set back.
  return sequence_step <= 0 || step >= -kLongestConcealedGap;
}

void JitterBuffer::Learn(const StoredPacket& packet, bool is_newest, base::TimeDelta since_last) {
  const base::TimeDelta delay = baseline_.OnPacket(packet.timestamp, packet.arrival);
  if (!is_newest) return estimator_.OnReorderedPacket(delay);
  const StallFilter::Verdict verdict = stall_filter_.OnPacket(delay, packet.arrival, since_last);
  if (verdict.shift > base::TimeDelta()) baseline_.Shift(verdict.shift);
  for (const base::TimeDelta believed : verdict.delays) estimator_.OnPacket(believed);
}

// False when the packet was received before, or so long ago that nobody knows.
bool JitterBuffer::MarkReceived(int64_t sequence_number) {
  if (!newest_) {
    received_mask_ = 1;
    return true;
  }
  const int64_t age = newest_->sequence_number - sequence_number;
  if (age < 0) {
    received_mask_ = -age < kReceivedWindow ? received_mask_ << -age | 1 : 1;
    return true;
  }
  if (age >= kReceivedWindow || (received_mask_ >> age & 1) != 0) return false;
  received_mask_ |= uint64_t{1} << age;
  return true;
}

// ---- Play-out ---------------------------------------------------------------------------------------

// How long before the tick that needs it the last packet of that tick could have arrived, when the
// packet at `timestamp` comes next and `buffered` units are played before it.
base::TimeDelta JitterBuffer::DelayAt(int64_t timestamp, base::Timestamp now, uint32_t buffered,
                                      uint32_t packet_duration) const {
  const int64_t tick = Units(kTick);
  const int64_t ticks_ahead = buffered / tick;
  const int64_t left = buffered % tick;
  const int64_t duration = std::max<int64_t>(packet_duration, 1);
  const int64_t packets_needed = (tick - left + duration - 1) / duration;
  const int64_t last_needed = timestamp + (packets_needed - 1) * duration;
  return now + kTick * ticks_ahead - baseline_.EarliestArrival(last_needed);
}

bool JitterBuffer::IsDue(const StoredPacket& packet, base::Timestamp now, uint32_t buffered) const {
  // Packets so big that the store cannot hold them for longer.
  if (!store_.HasRoomFor(packet.payload_size)) return true;
  return DelayAt(packet.timestamp, now, buffered, packet.duration) >= target_delay();
}

base::TimeDelta JitterBuffer::target_delay() const {
  const base::TimeDelta target = estimator_.target() + LateMargin();
  if (!is_waiting_for_successors_) return target;
  return target + UnitsToTime(int64_t{last_duration_} * (is_waiting_for_copies_ ? 2 : 1), clock_rate_hz_);
}

// Rare but long waits stay below the quantile, yet each of them is heard.
base::TimeDelta JitterBuffer::LateMargin() const {
  const float excess = (late_share_ - kUnheardLateShare) / (kMostLateShare - kUnheardLateShare);
  return base::TimeDelta::Milliseconds(
      static_cast<int64_t>(std::clamp(excess, 0.0f, 1.0f) * static_cast<float>(kMostLateMarginMs)));
}

void JitterBuffer::NoteLoss(const StoredPacket& played) {
  constexpr float kWeight = 1.0f / 128;
  const int64_t lost =
      is_playing_ && !is_in_dtx_ ? std::clamp<int64_t>(played.sequence_number - last_sequence_number_ - 1, 0, 10) : 0;
  // A copy stands for a packet that was lost.
  for (int64_t i = 0; i < lost + (played.is_copy ? 1 : 0); ++i) {
    loss_share_ += (1 - loss_share_) * kWeight;
  }
  loss_share_ -= loss_share_ * kWeight;
  const bool helps = played.has_redundancy || played.helps_concealment;
  helping_share_ += ((helps ? 1.0f : 0.0f) - helping_share_) * kWeight;
  // Encoders repeat speech but not the pauses in it, so that less than half may well be all.
  is_waiting_for_successors_ = is_waiting_for_successors_ ? loss_share_ > kLossToStopWaiting && helping_share_ > 0.1f
                                                          : loss_share_ > kLossToWait && helping_share_ > 0.3f;

  const bool is_twice_lost = lost > 0 && played.is_copy && played.has_redundancy;
  twice_lost_share_ += ((is_twice_lost ? 1.0f : 0.0f) - twice_lost_share_) * kTwiceLostMemory;
  is_waiting_for_copies_ = played.duration <= Units(kTick) &&
                           twice_lost_share_ > (is_waiting_for_copies_ ? kTwiceLostToStopWaiting : kTwiceLostToWait);
}

// Drops what has no place any more and notes packets that are no audio.
void JitterBuffer::SkipPassedPackets() {
  while (!store_.empty()) {
    const StoredPacket& front = store_.front();
    if (!front.is_audio) {
      last_sequence_number_ = front.sequence_number;
      // Speech may have stopped while the event went on: what follows has its own time.
      is_in_dtx_ = true;
      store_.DropFront();
      continue;
    }
    const bool has_passed = is_playing_ && !is_in_dtx_ && front.timestamp + front.duration <= next_timestamp_;
    if (!has_passed) return;
    last_sequence_number_ = front.sequence_number;
    store_.Drop(store_.size() > 1 && HasBegun(store_.front()) ? 1 : 0);
    ++overflowed_packets_;
  }
}

void JitterBuffer::CutExcess() {
  const int64_t most = Units(kMaxDelay);
  int64_t waiting = 0;
  for (size_t i = 0; i < store_.size(); ++i) {
    waiting += HasBegun(store_.at(i)) ? 0 : store_.at(i).duration;
  }
  while (waiting > most && store_.front().is_audio) {
    const StoredPacket& cut = store_.PopFront();
    waiting -= HasBegun(cut) ? 0 : cut.duration;
    last_sequence_number_ = cut.sequence_number;
    next_timestamp_ = cut.timestamp + cut.duration;
    held_ = 0;
    ++overflowed_packets_;
  }
}

PlayoutFrame JitterBuffer::PopFrame(base::Timestamp now, uint32_t buffered) {
  SkipPassedPackets();
  CutExcess();
  SkipPassedPackets();  // what the cut laid bare may be no audio
  if (store_.empty()) return PlayWithoutPackets(now);
  const StoredPacket& front = store_.front();
  if (!is_playing_) {
    if (!IsDue(front, now, buffered)) return {};
    return PlayFront(now, buffered);
  }
  if (front.timestamp > next_timestamp_) return PlayGap(now, buffered);
  return PlayFront(now, buffered);
}

PlayoutFrame JitterBuffer::PlayFront(base::Timestamp now, uint32_t buffered) {
  const StoredPacket& packet = store_.front();
  PlayoutFrame frame;
  frame.decision = PlayoutDecision::kNormal;
  frame.payload_type = packet.payload_type;
  frame.payload = packet.payload();
  frame.arrival = packet.arrival;
  frame.is_copy = packet.is_copy;
  frame.is_rest = HasBegun(packet);
  if (is_playing_ && !is_in_dtx_ && packet.timestamp < next_timestamp_) {
    frame.skip = static_cast<uint32_t>(next_timestamp_ - packet.timestamp);
  }
  frame.duration = packet.duration - frame.skip;
  frame.is_part = packet.plays_in_parts && frame.duration > Units(kLongestPart);
  if (frame.is_part) frame.duration = static_cast<uint32_t>(Units(kTick));
  if (!frame.is_rest) NoteBegin(packet, now, buffered);
  is_playing_ = true;
  is_in_dtx_ = packet.is_dtx && !frame.is_part;
  held_ = 0;
  last_sequence_number_ = packet.sequence_number;
  last_duration_ = packet.duration;
  plays_in_parts_ = packet.plays_in_parts;
  next_timestamp_ = packet.timestamp + frame.skip + frame.duration;
  if (!frame.is_part) (void)store_.PopFront();
  return frame;
}

void JitterBuffer::NoteBegin(const StoredPacket& packet, base::Timestamp now, uint32_t buffered) {
  playout_delay_ = DelayAt(packet.timestamp, now, buffered, packet.duration);
  const bool was_waited_for = is_playing_ && held_ > 0 && packet.timestamp <= next_timestamp_;
  if (estimator_.has_learnt()) {
    late_share_ += ((was_waited_for ? 1.0f : 0.0f) - late_share_) * kLateMemory;
  }
  NoteLoss(packet);
}

PlayoutFrame JitterBuffer::PlayGap(base::Timestamp now, uint32_t buffered) {
  const StoredPacket& front = store_.front();
  const int64_t gap = front.timestamp - next_timestamp_;
  const bool is_loss = front.sequence_number > last_sequence_number_ + 1;
  // A lost packet lasted no longer than those around it; more than that the sender left out, and what was
  // lost began its silence (SID).
  const int64_t lost_packets = front.sequence_number - last_sequence_number_ - 1;
  const int64_t lost_units = lost_packets * std::max<int64_t>(last_duration_, front.duration);
  const bool is_pause = is_in_dtx_ || !is_loss || gap > Units(kLongestConcealedGap) || gap > lost_units + Units(kTick);
  if (is_pause) {
    // The sender left time out: play-out may wait here for its target, or catch up, unheard.
    const bool is_rounding = !is_in_dtx_ && gap < Units(kTick) / 2;
    if (is_rounding || IsDue(front, now, buffered)) {
      next_timestamp_ = front.timestamp;
      const int64_t waited_in_vain = is_loss && !is_in_dtx_ ? std::min({int64_t{held_}, gap, lost_units}) : 0;
      const int64_t silent = is_loss ? std::max<int64_t>(0, held_ - lost_units) : 0;
      PlayoutFrame frame = PlayFront(now, buffered);
      frame.lost_before = static_cast<uint32_t>(waited_in_vain);
      frame.is_behind_loss = waited_in_vain == gap;
      frame.silent_before = static_cast<uint32_t>(silent);
      return frame;
    }
    PlayoutFrame frame = Silence();
    if (is_loss && held_ > lost_units) {
      frame.silent_before = static_cast<uint32_t>(held_ - lost_units);
      held_ = static_cast<uint32_t>(lost_units);
    }
    return frame;
  }
  // What was concealed while waiting for the lost packet stands for it - unless the delay has to grow
  // anyway, and the packet can be had from its successor.
  const bool has_copy = gap <= std::max<int64_t>(last_duration_, Units(kTick) / 2) && front.has_redundancy;
  if (held_ > 0 && has_copy && DelayAt(next_timestamp_, now, buffered, last_duration_) < target_delay() + kTick) {
    held_ = 0;
  }
  const auto credit = static_cast<uint32_t>(std::min<int64_t>(held_, gap));
  held_ -= credit;
  next_timestamp_ += credit;
  const int64_t missing = gap - credit;
  if (missing == 0) {
    PlayoutFrame frame = PlayFront(now, buffered);
    frame.lost_before = credit;
    frame.is_behind_loss = true;
    return frame;
  }

  PlayoutFrame frame;
  frame.lost_before = credit;
  frame.decision = PlayoutDecision::kConceal;
  const int64_t one_packet = std::max<int64_t>(last_duration_, Units(kTick) / 2);
  // As long as what of a packet would be played at once.
  const bool is_in_parts = plays_in_parts_ && missing > Units(kLongestPart);
  const int64_t one_piece = is_in_parts ? std::min(one_packet, Units(kTick)) : one_packet;
  frame.duration = static_cast<uint32_t>(std::min(missing, one_piece));
  if (missing <= one_piece && front.is_audio) {
    if (front.has_redundancy) frame.redundancy = front.payload();
    frame.next_payload = front.payload();
    frame.payload_type = front.payload_type;
    frame.arrival = front.arrival;
  }
  next_timestamp_ += frame.duration;
  return frame;
}

PlayoutFrame JitterBuffer::PlayWithoutPackets(base::Timestamp now) {
  if (!is_playing_) return {};
  if (now - last_arrival_ >= kIdleAfter) {
    is_playing_ = false;
    is_in_dtx_ = false;
    held_ = 0;
    return {};
  }
  PlayoutFrame frame = Silence();
  if (is_in_dtx_) return frame;
  // Late or lost, nobody knows yet: play-out waits, and what is played meanwhile counts for either.
  frame.decision = PlayoutDecision::kConceal;
  frame.may_come = held_ < Units(kLongestConcealedGap);
  frame.is_undecided = held_ < Units(kLongestSilence);
  held_ += frame.duration;
  return frame;
}

PlayoutFrame JitterBuffer::Silence() const {
  PlayoutFrame frame;
  frame.decision = PlayoutDecision::kComfortNoise;
  frame.duration = static_cast<uint32_t>(Units(kTick));
  return frame;
}

bool JitterBuffer::HasNextPacket() const {
  return is_playing_ && !is_in_dtx_ && !store_.empty() && store_.front().is_audio &&
         store_.front().timestamp <= next_timestamp_;
}

TimeAdjustment JitterBuffer::NextAdjustment(base::Timestamp now, uint32_t buffered) const {
  if (!is_playing_ || is_in_dtx_ || held_ > 0) return TimeAdjustment::kNone;
  const base::TimeDelta delay = DelayAt(next_timestamp_, now, buffered, last_duration_);
  const base::TimeDelta target = target_delay();
  const base::TimeDelta lately = target + (estimator_.recent_peak() - estimator_.target());
  if (delay > target + kTick + kForcedExcess) return TimeAdjustment::kAccelerateForced;
  if (delay > lately + kTick + kUrgentExcess) return TimeAdjustment::kAccelerateSoon;
  if (delay > lately + kTick + kHysteresis) return TimeAdjustment::kAccelerate;
  if (delay < target) return TimeAdjustment::kExpand;
  // What is left over behind this tick only delays: a period of it can go at no cost. With packets that do
  // not fill ticks it comes and goes by itself.
  const bool fills_ticks = last_duration_ != 0 && Units(kTick) % last_duration_ == 0;
  const base::TimeDelta least = fills_ticks ? kLeastTrim : kLongestPeriod;
  const int64_t left_over = buffered % Units(kTick);
  if (left_over >= Units(least)) return TimeAdjustment::kTrim;
  return TimeAdjustment::kNone;
}

}  // namespace byon::jitter
