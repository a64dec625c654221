#include "controlplane/gateway/call_trace.h"

namespace byon::gateway {
namespace {

// A call that is held and resumed all day keeps its beginning and its latest changes.
constexpr size_t kMaxChanges = 64;
constexpr size_t kKeptBeginning = 16;
constexpr size_t kMaxNameBytes = 256;  // a Call-ID of the network may be as long as a message

}  // namespace

void CallTraces::Hear(const call::CallId& id, SipCause cause) {
  const auto it = traces_.find(id);
  if (it == traces_.end()) return;
  it->second.last = cause;
  it->second.heard = std::move(cause);
}

void CallTraces::Settle(const call::CallId& id) {
  if (const auto it = traces_.find(id); it != traces_.end()) it->second.heard.reset();
}

void CallTraces::Add(const call::CallId& id, WallTime at, const MediaSession& session) {
  Trace& trace = traces_[id];
  if (trace.changes.size() >= kMaxChanges) trace.changes.erase(trace.changes.begin() + kKeptBeginning);
  trace.changes.push_back({at, session.status, session.sequence_number, session.reason, trace.heard});
}

void CallTraces::SetDiversions(const call::CallId& id, std::vector<Diversion> diversions, std::string diverted_to) {
  if (!diversions.empty()) traces_[id].diversions = std::move(diversions);
  if (!diverted_to.empty()) traces_[id].diverted_to = std::move(diverted_to);
}

void CallTraces::SetNames(const call::CallId& id, const std::string& sip_call_id, const std::string& charging_id) {
  Trace& trace = traces_[id];
  trace.sip_call_id = sip_call_id.substr(0, kMaxNameBytes);
  trace.charging_id = charging_id.substr(0, kMaxNameBytes);
}

void CallTraces::Forget(const call::CallId& id) { traces_.erase(id); }

void CallTraces::Restore(const call::CallId& id, CallTrace trace) {
  traces_[id] = Trace{std::move(trace), std::nullopt};
}

const CallTrace* CallTraces::Find(const call::CallId& id) const {
  const auto it = traces_.find(id);
  return it == traces_.end() ? nullptr : &it->second;
}

std::vector<CallChange> CallTraces::HistoryOf(const call::CallId& id) const {
  const auto it = traces_.find(id);
  return it == traces_.end() ? std::vector<CallChange>() : it->second.changes;
}

std::vector<Diversion> CallTraces::DiversionsOf(const call::CallId& id) const {
  const auto it = traces_.find(id);
  return it == traces_.end() ? std::vector<Diversion>() : it->second.diversions;
}

std::string CallTraces::DivertedToOf(const call::CallId& id) const {
  const auto it = traces_.find(id);
  return it == traces_.end() ? std::string() : it->second.diverted_to;
}

std::optional<SipCause> CallTraces::CauseOf(const call::CallId& id) const {
  const auto it = traces_.find(id);
  return it == traces_.end() ? std::nullopt : it->second.last;
}

}  // namespace byon::gateway
