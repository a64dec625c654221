#pragma once

#include <optional>
#include <string>

#include "controlplane/web_sip/leg.h"

namespace byon::web_sip {

// A call to the client: we send the INVITE (UAC) and tell the gateway what the client makes of it.
class CalleeLeg final : public Leg {
 public:
  CalleeLeg(LegEnvironment& environment, const Line& line, const gateway::MediaSession& invitation);

  // Rings the client now, or when it is back within the grace.
  void Start();
  void OnFlowLost(const Flow& flow) override;
  void OnFlowBound() override;

 private:
  void OnEarlySession(const gateway::MediaSession& session) override;
  void OnEarlyEnd() override;
  void SendInvite(Flow& flow);
  void WaitForClient();
  void OnResponse(const SipMessage* response);
  void OnAnswer(const SipMessage& response);
  void Acknowledge(const SipMessage& response);
  void Refuse(int status);
  void Change(call::Status status);

  const std::string number_;
  const std::string caller_address_;
  const std::string caller_name_;
  const std::optional<call::Assurance> caller_assurance_;
  const std::string offer_sdp_;
  std::string branch_;         // of the INVITE under way; empty: none
  bool has_progress_ = false;  // CANCEL may be sent
  std::optional<std::string> cancel_reason_;
};

// How an address of the API stands in From and P-Asserted-Identity.
[[nodiscard]] std::string SipUriOf(const std::string& address, const std::string& domain);

}  // namespace byon::web_sip
