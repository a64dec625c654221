#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "controlplane/call/sip_signaling.h"
#include "controlplane/gateway/service.h"

namespace byon::gateway {

// The steps of one call, as the store keeps them too.
struct CallTrace {
  std::vector<CallChange> changes;  // 64 at most
  std::vector<Diversion> diversions;
  std::string diverted_to;       // of a call of ours that was sent on; empty: not told
  std::string sip_call_id;       // as the network calls it, and
  std::string charging_id;       // as its charging records do (icid); empty: not told
  std::optional<SipCause> last;  // the last that was heard of the network
};

// What became of each call, step by step, for people who ask why a call failed; as long as the call is known.
class CallTraces {
 public:
  // What the network says; it explains the changes that follow until the next Settle().
  void Hear(const call::CallId& id, SipCause cause);
  // The input was worked off: later changes have other causes.
  void Settle(const call::CallId& id);
  void Add(const call::CallId& id, WallTime at, const MediaSession& session);
  // Who sent a call on, and to whom where it is one of ours.
  void SetDiversions(const call::CallId& id, std::vector<Diversion> diversions, std::string diverted_to = {});
  void SetNames(const call::CallId& id, const std::string& sip_call_id, const std::string& charging_id);
  void Forget(const call::CallId& id);
  // Of an earlier process.
  void Restore(const call::CallId& id, CallTrace trace);

  // Null when nothing is known; until the next change.
  const CallTrace* Find(const call::CallId& id) const;
  std::vector<CallChange> HistoryOf(const call::CallId& id) const;
  std::vector<Diversion> DiversionsOf(const call::CallId& id) const;
  std::string DivertedToOf(const call::CallId& id) const;
  // The last that was heard of the network.
  std::optional<SipCause> CauseOf(const call::CallId& id) const;

 private:
  struct Trace : CallTrace {
    std::optional<SipCause> heard;
  };
  std::unordered_map<call::CallId, Trace> traces_;
};

}  // namespace byon::gateway
