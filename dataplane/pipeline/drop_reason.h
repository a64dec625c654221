#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace byon::pipeline {

// Why a received RTP packet, or a part of it, did not reach the other leg.
enum class DropReason : uint8_t {
  kNoReceiveFormat,  // nothing is negotiated on the receiving leg yet
  kReceiveInactive,  // the direction forbids media this way
  kUnknownPayloadType,
  kMalformedPayload,  // the codec's payload format refuses it
  kPacketTooLarge,    // payload over jitter::kMaxPayloadBytes
  kLatePacket,        // its time of play has passed
  kDuplicatePacket,
  kOldSource,        // of an SSRC that another one has just replaced
  kSequenceJump,     // far from the last sequence number or timestamp, not yet confirmed
  kPlayoutOverflow,  // pushed out of a full jitter buffer, or cut away to bring the delay down
  kMalformedTelephoneEvent,
  kTelephoneEventNotRelayed,  // the sending leg has no telephone-event, or it is no DTMF digit
  kDtmfQueueFull,
  kNoSendBuffer,         // the sink had no buffer for a finished packet
  kMalformedRedundancy,  // RFC 2198: a packet whose blocks do not fit, or one block of a good packet
};
inline constexpr size_t kDropReasonCount = static_cast<size_t>(DropReason::kMalformedRedundancy) + 1;

// The counter's name, "pipeline_late_packet".
std::string_view DropReasonName(DropReason reason);

}  // namespace byon::pipeline
