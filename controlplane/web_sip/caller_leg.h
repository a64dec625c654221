#pragma once

#include <string>

#include "controlplane/web_sip/invite_body.h"
#include "controlplane/web_sip/leg.h"

namespace byon::web_sip {

// A call that the client makes: we answer its INVITE (UAS) with what the gateway's call becomes.
class CallerLeg final : public Leg {
 public:
  // The transaction is an INVITE outside of any dialog, from the line's own connection.
  CallerLeg(LegEnvironment& environment, const Line& line, ServerTransactionPointer invite);

  // Refuses the INVITE, or starts the call. False: there is nothing to keep.
  bool Start();
  bool Owns(const ServerTransactionPointer& invite) const { return invite_ == invite; }
  void OnCancel();
  void OnFlowLost(const Flow& flow) override;
  void OnFlowBound() override {}

 private:
  void OnEarlySession(const gateway::MediaSession& session) override;
  void OnEarlyEnd() override;
  void OnCreated(const gateway::Outcome<gateway::MediaSession>& outcome);
  void Create(std::string receiver, InviteBody body);
  void Progress(int status, const gateway::MediaSession& session);
  void Answer(const gateway::MediaSession& session);

  const ServerTransactionPointer invite_;
  const std::string registration_id_;
  const std::string number_;
  bool is_for_help_ = false;
  sip::SessionTimerAnswer session_timer_;
};

// The answer to a call for help that cannot be made here (TS 24.229 section 5.2.10).
void TellToUsePhone(ServerTransaction& invite);

// Where a Request-URI leads, as the API writes addresses; nothing when no call can go there. `domain`: ours.
[[nodiscard]] std::optional<std::string> ReceiverOf(const std::string& request_uri, const std::string& domain);

}  // namespace byon::web_sip
