#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/api/clock_and_timers.h"
#include "controlplane/api/owner.h"
#include "controlplane/gateway/service.h"

namespace byon::api {

// A session of r2.2 that was created without an offer: nothing has gone to the network yet.
struct CallDraft {
  Owner owner;
  gateway::CallRequest request;  // with its media_session_id
  WallTime made_at;
};

// The drafts of all clients; a few for each registration, for a short while, in memory only. On the strand.
class CallDrafts {
 public:
  CallDrafts(Clock now, std::function<std::string()> new_id) : now_(std::move(now)), new_id_(std::move(new_id)) {}

  // The draft, an older one when the client repeats its correlator; nothing when its registration has too many.
  const CallDraft* Add(const Owner& owner, gateway::CallRequest request);
  const CallDraft* Find(const Owner& owner, const std::string& id);
  std::optional<CallDraft> Take(const Owner& owner, const std::string& id);
  // A draft whose start was refused may be tried again.
  void PutBack(CallDraft draft);

 private:
  using Line = std::pair<Owner, std::string>;  // and registration
  void ForgetOld();
  CallDraft Extract(std::map<std::string, CallDraft>::iterator draft);
  const CallDraft& Insert(CallDraft draft);

  const Clock now_;
  const std::function<std::string()> new_id_;
  std::map<std::string, CallDraft> drafts_;
  std::map<Line, std::vector<std::string>> ids_of_;    // of those in drafts_
  std::deque<std::pair<WallTime, std::string>> made_;  // the oldest first; some are gone already
};

}  // namespace byon::api
