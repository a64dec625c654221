#include "dataplane/pipeline/drop_reason.h"

namespace byon::pipeline {

std::string_view DropReasonName(DropReason reason) {
  switch (reason) {
    case DropReason::kNoReceiveFormat: return "pipeline_no_receive_format";
    case DropReason::kReceiveInactive: return "pipeline_receive_inactive";
    case DropReason::kUnknownPayloadType: return "pipeline_unknown_payload_type";
    case DropReason::kMalformedPayload: return "pipeline_malformed_payload";
    case DropReason::kPacketTooLarge: return "pipeline_packet_too_large";
    case DropReason::kLatePacket: return "pipeline_late_packet";
    case DropReason::kDuplicatePacket: return "pipeline_duplicate_packet";
    case DropReason::kOldSource: return "pipeline_old_source";
    case DropReason::kSequenceJump: return "pipeline_sequence_jump";
    case DropReason::kPlayoutOverflow: return "pipeline_playout_overflow";
    case DropReason::kMalformedTelephoneEvent: return "pipeline_malformed_telephone_event";
    case DropReason::kTelephoneEventNotRelayed: return "pipeline_telephone_event_not_relayed";
    case DropReason::kDtmfQueueFull: return "pipeline_dtmf_queue_full";
    case DropReason::kNoSendBuffer: return "pipeline_no_send_buffer";
    case DropReason::kMalformedRedundancy: return "pipeline_malformed_redundancy";
  }
  return "pipeline_unknown";
}

}  // namespace byon::pipeline
