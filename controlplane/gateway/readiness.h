#pragma once

#include <chrono>
#include <string>

#include "controlplane/gateway/gateway.h"

namespace byon::gateway {

// A restart that takes less asks no client to come again.
inline constexpr std::chrono::seconds kRestoreWorthWaiting{10};

// What of an earlier process's is waited for before new clients are let in, in words; empty: nothing more. Where there
// are many registrations, those that are known already are served while the others come.
inline std::string MissingFromRestart(Restored restored, std::chrono::steady_clock::duration since_start) {
  if (restored == Restored::kNothing) return "calls of before the restart";
  if (restored != Restored::kAll && since_start < kRestoreWorthWaiting) return "registrations of before the restart";
  return "";
}

}  // namespace byon::gateway
