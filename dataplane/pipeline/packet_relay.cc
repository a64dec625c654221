#include "dataplane/pipeline/packet_relay.h"

#include <algorithm>
#include <cstdlib>

namespace byon::pipeline {
namespace {

// Every mode of the codec when the set is empty.
uint16_t ModesOf(const codec::CodecFormat& format) {
  return format.amr.mode_set == 0 ? uint16_t{0xffff} : format.amr.mode_set;
}

bool MayRelayAmr(const codec::CodecFormat& received, const codec::CodecFormat& sent) {
  const bool is_same_framing = received.amr.octet_align == sent.amr.octet_align;
  const bool are_modes_allowed = (ModesOf(received) & ~ModesOf(sent)) == 0;
  const bool are_changes_allowed = (sent.amr.mode_change_period == 1 || received.amr.mode_change_period == 2) &&
                                   (!sent.amr.mode_change_neighbor || received.amr.mode_change_neighbor);
  return is_same_framing && are_modes_allowed && are_changes_allowed;
}

bool MayRelayOpus(const codec::CodecFormat& received, const codec::CodecFormat& sent) {
  const uint32_t limit = sent.opus.max_average_bitrate_bps;
  const uint32_t told = received.opus.max_average_bitrate_bps;
  return limit == 0 || (told != 0 && told <= limit);
}

}  // namespace

bool MayRelay(const codec::CodecFormat& received, const codec::CodecFormat& sent) {
  if (received.codec != sent.codec) return false;
  switch (sent.codec) {
    case codec::Codec::kAmr:
    case codec::Codec::kAmrWb: return MayRelayAmr(received, sent);
    case codec::Codec::kOpus: return MayRelayOpus(received, sent);
    default: return false;
  }
}

void PacketRelay::Forget() {
  is_running_ = false;
  ssrc_.reset();
  replaced_ssrc_.reset();
  jump_successor_.reset();
}

bool PacketRelay::TakeSource(rtp::Ssrc ssrc, base::Timestamp arrival) {
  if (ssrc_ == ssrc) return true;
  if (replaced_ssrc_ == ssrc && arrival - replaced_at_ < kOldSourceGuard) return false;
  if (ssrc_) {
    replaced_ssrc_ = ssrc_;
    replaced_at_ = arrival;
    ++source_changes_;
  }
  ssrc_ = ssrc;
  is_running_ = false;
  jump_successor_.reset();
  return true;
}

PacketRelay::Numbers PacketRelay::Begin(const jitter::StreamPacket& packet, rtp::SequenceNumber next,
                                        rtp::RtpTimestamp timestamp) {
  is_running_ = true;
  jump_successor_.reset();
  newest_ = packet.sequence_number;
  newest_timestamp_ = packet.timestamp;
  received_mask_ = 1;
  reach_ = 1;
  sequence_offset_ = static_cast<uint16_t>(next.value - packet.sequence_number.value);
  timestamp_offset_ = timestamp.value - packet.timestamp.value;
  return {next, timestamp, true, 0};
}

bool PacketRelay::IsMissing(const jitter::StreamPacket& packet) const {
  if (!is_running_ || ssrc_ != packet.ssrc) return false;
  const auto step = static_cast<int16_t>(static_cast<uint16_t>(packet.sequence_number.value - newest_.value));
  // The sender does not number its copies: a wrong guess has a time that was said already.
  return step > 0 && step < kWindow && packet.timestamp - newest_timestamp_ > 0;
}

std::variant<PacketRelay::Numbers, DropReason> PacketRelay::Map(const jitter::StreamPacket& packet,
                                                                base::Timestamp arrival, rtp::SequenceNumber next,
                                                                rtp::RtpTimestamp timestamp) {
  if (!TakeSource(packet.ssrc, arrival)) return DropReason::kOldSource;
  if (!is_running_) return Begin(packet, next, timestamp);
  const auto step = static_cast<int16_t>(static_cast<uint16_t>(packet.sequence_number.value - newest_.value));
  if (std::abs(int{step}) > kMostJump) {
    // RFC 3550 appendix A.1: two packets in a row make a restart, one alone may be a stray.
    if (jump_successor_ == packet.sequence_number) return Begin(packet, next, timestamp);
    jump_successor_ = packet.sequence_number + 1;
    return DropReason::kSequenceJump;
  }
  int64_t lost_before = 0;
  if (step > 0) {
    received_mask_ = step < kWindow ? received_mask_ << step | 1 : 1;
    reach_ = std::min(reach_ + step, kWindow);
    newest_ = packet.sequence_number;
    newest_timestamp_ = packet.timestamp;
    lost_before = step - 1;
  } else {
    const int age = -int{step};
    // What belongs before the stretch has no number left in the outgoing stream.
    if (age >= reach_) return DropReason::kLatePacket;
    if ((received_mask_ >> age & 1) != 0) return DropReason::kDuplicatePacket;
    received_mask_ |= uint64_t{1} << age;
  }
  jump_successor_.reset();
  Numbers numbers;
  numbers.sequence_number.value = static_cast<uint16_t>(packet.sequence_number.value + sequence_offset_);
  numbers.timestamp.value = packet.timestamp.value + timestamp_offset_;
  numbers.lost_before = lost_before;
  return numbers;
}

}  // namespace byon::pipeline
