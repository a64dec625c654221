#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/sip/text/session_timer.h"

namespace byon::sip {

// The state of one dialog (RFC 3261 section 12), a plain value: what is needed to go on with it in
// another process. Header values are complete and safe to be written into a message.
struct DialogState {
  unsigned shard = 0;  // whose port the Contact names
  std::string call_id;
  std::string local_tag;
  std::string remote_tag;
  std::string local_address;  // From (caller) or To (callee) without its tag
  std::string remote_address;
  uint32_t local_cseq = 0;
  uint32_t remote_cseq = 0;            // 0: no request of the peer seen yet
  std::vector<std::string> route_set;  // in the order we send them
  std::string remote_target;
  std::string contact;     // our Contact header value
  std::string next_hop;    // URI with an IP address, where the route set names a host
  std::string impi;        // whose password answers a challenge
  std::string session_id;  // RFC 7989, ours and the peer's; empty: none
  std::string remote_session_id;
  bool owns_call_id = false;  // we are the caller: RFC 3261 section 14.1 back-off
  bool peer_allows_update = false;
  bool peer_supports_timer = false;
  SessionTimer timer;
  std::string local_sdp;  // last sent and last received, for refreshes without change
  std::string remote_sdp;

  bool operator==(const DialogState&) const = default;
};

// The snapshot of SipSignalingObserver::OnDialogChanged: versioned text.
[[nodiscard]] std::string SerializeDialog(const DialogState& state);
// Nothing for another version, a missing field or damage. The local CSeq is moved ahead, because the
// last requests of the process that wrote it may not be in it.
[[nodiscard]] std::optional<DialogState> ParseDialog(std::string_view snapshot);

}  // namespace byon::sip
