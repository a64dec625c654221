#include "dataplane/quality/packet_outcomes.h"

namespace byon::quality {
namespace {
// Keeps the unwrapped numbers positive when the first packets come in the wrong order.
constexpr int64_t kOffset = 1 << 16;
}  // namespace

void PacketOutcomes::OnReceived(uint16_t sequence_number) {
  if (!has_started_) {
    unwrapper_.Reset();
    highest_ = oldest_ = unwrapper_.Unwrap(sequence_number) + kOffset;
    has_started_ = true;
    is_received_.reset();
    is_discarded_.reset();
  }
  const int64_t sequence = unwrapper_.Peek(sequence_number) + kOffset;
  if (sequence < oldest_) return;  // decided, and counted as lost
  if (sequence > highest_) {
    (void)unwrapper_.Unwrap(sequence_number);
    for (; oldest_ <= sequence - kDepth; ++oldest_) Decide(oldest_);
    highest_ = sequence;
  }
  is_received_.set(Slot(sequence));
}

void PacketOutcomes::OnDiscarded(uint16_t sequence_number) {
  if (!has_started_) return;
  const int64_t sequence = unwrapper_.Peek(sequence_number) + kOffset;
  if (sequence < oldest_ || sequence > highest_) return;
  if (is_received_.test(Slot(sequence))) is_discarded_.set(Slot(sequence));
}

void PacketOutcomes::Restart() {
  if (has_started_) {
    for (; oldest_ <= highest_; ++oldest_) Decide(oldest_);
  }
  has_started_ = false;
}

void PacketOutcomes::Decide(int64_t sequence) {
  const size_t slot = Slot(sequence);
  const bool is_seen = sequence <= highest_ && is_received_.test(slot);
  const bool is_of_no_use = is_seen && is_discarded_.test(slot);
  is_received_.reset(slot);
  is_discarded_.reset(slot);
  ++totals_.expected;
  totals_.lost += !is_seen;
  totals_.discarded += is_of_no_use;
  if (is_seen && !is_of_no_use) {
    burst_gap_.OnGood();
  } else {
    burst_gap_.OnBad();
  }
}

}  // namespace byon::quality
