#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "controlplane/api/dialect.h"
#include "controlplane/api/object_reader.h"
#include "controlplane/gateway/visitor_service.h"

namespace byon::api {

inline constexpr size_t kMaxCallText = 256;  // identifiers and names of webrtc-call-handling

// The body of POST /sessions. In r2.2 a client may leave out its offer (it follows by PUT) and its own
// address; both are empty then.
// `is_emergency`: what the gateway takes for a call for help, however it is written: that goes before every rule of
// form.
gateway::CallRequest ReadCallRequest(const nlohmann::json& body, const Dialect& dialect,
                                     const std::function<bool(const std::string&)>& is_emergency, Mistakes& mistakes);

// The same of a visitor (click to call), whose token says who calls whom: addresses may be left out.
gateway::VisitorCallRequest ReadVisitorCallRequest(const nlohmann::json& body, const Dialect& dialect,
                                                   Mistakes& mistakes);

// The body of PUT /sessions/{id}/status.
struct StatusRequest {
  std::optional<call::Status> status;  // absent in r2.2 only: as it is
  gateway::StatusChange change;        // without its status
};
StatusRequest ReadStatusRequest(const nlohmann::json& body, const Dialect& dialect, Mistakes& mistakes);

// The body of POST /byon/v1/calls/{id}/transfer: "phone", or an address.
gateway::TransferRequest ReadTransferRequest(const nlohmann::json& body, const Dialect& dialect, Mistakes& mistakes);
// The body of POST /byon/v1/calls/{id}/playback.
gateway::PlaybackRequest ReadPlaybackRequest(const nlohmann::json& body, Mistakes& mistakes);
// The body of POST /byon/v1/calls-elsewhere/{id}/pull.
gateway::PullRequest ReadPullRequest(const nlohmann::json& body, const Dialect& dialect, Mistakes& mistakes);

// Members that may repeat what is known of a session when its status changes.
inline constexpr const char* kRepeatedMembers[] = {"originatorAddress", "originatorName", "receiverAddress",
                                                   "receiverName",      "mediaSessionId", "callType"};

}  // namespace byon::api
