#include "dataplane/io/drop_reason.h"

namespace byon::io {

std::string_view DropReasonName(DropReason reason) {
  switch (reason) {
    case DropReason::kNoMbuf: return "io_no_mbuf";
    case DropReason::kTruncated: return "io_truncated";
    case DropReason::kMalformed: return "io_malformed";
    case DropReason::kBadChecksum: return "io_bad_checksum";
    case DropReason::kNotForUs: return "io_not_for_us";
    case DropReason::kNoOwner: return "io_no_owner";
    case DropReason::kHandOverFull: return "io_hand_over_full";
    case DropReason::kTxQueueFull: return "io_tx_queue_full";
    case DropReason::kSendFailed: return "io_send_failed";
    case DropReason::kNoSocket: return "io_no_socket";
    case DropReason::kNoNeighbour: return "io_no_neighbour";
    case DropReason::kNoRoute: return "io_no_route";
  }
  return "io_unknown";
}

}  // namespace byon::io
