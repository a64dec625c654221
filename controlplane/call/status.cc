#include "controlplane/call/status.h"

#include <array>
#include <utility>

namespace byon::call {
namespace {

constexpr std::array<std::pair<Status, std::string_view>, 15> kNames{{
    {Status::kInitial, "Initial"},
    {Status::kInProgress, "InProgress"},
    {Status::kRinging, "Ringing"},
    {Status::kProceeding, "Proceeding"},
    {Status::kConnected, "Connected"},
    {Status::kTerminated, "Terminated"},
    {Status::kHold, "Hold"},
    {Status::kResume, "Resume"},
    {Status::kSessionCancelled, "SessionCancelled"},
    {Status::kDeclined, "Declined"},
    {Status::kFailed, "Failed"},
    {Status::kWaiting, "Waiting"},
    {Status::kNoAnswer, "NoAnswer"},
    {Status::kNotReachable, "NotReachable"},
    {Status::kBusy, "Busy"},
}};

}  // namespace

std::string_view ToString(Status status) {
  for (const auto& [value, name] : kNames) {
    if (value == status) return name;
  }
  return "";
}

std::optional<Status> ParseStatus(std::string_view text) {
  for (const auto& [value, name] : kNames) {
    if (name == text) return value;
  }
  return std::nullopt;
}

bool IsTerminal(Status status) {
  switch (status) {
    case Status::kTerminated:
    case Status::kSessionCancelled:
    case Status::kDeclined:
    case Status::kFailed:
    case Status::kNoAnswer:
    case Status::kNotReachable:
    case Status::kBusy: return true;
    default: return false;
  }
}

}  // namespace byon::call
