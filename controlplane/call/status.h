#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace byon::call {

// CAMARA SessionStatus, the same fifteen values in every release of webrtc-call-handling.
enum class Status : uint8_t {
  kInitial,
  kInProgress,
  kRinging,
  kProceeding,
  kConnected,
  kTerminated,
  kHold,
  kResume,
  kSessionCancelled,
  kDeclined,
  kFailed,
  kWaiting,
  kNoAnswer,
  kNotReachable,
  kBusy,
};

// The wire name, e.g. "InProgress".
std::string_view ToString(Status status);
// Nothing for a text that is not one of the fifteen, in exactly this spelling.
std::optional<Status> ParseStatus(std::string_view text);
// No further change is possible.
bool IsTerminal(Status status);

}  // namespace byon::call
