#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/sip/calls/dialog.h"
#include "controlplane/sip/registrations/registration_client.h"
#include "controlplane/sip/shard_context.h"

namespace byon::sip {

// The REFERs of one shard by which the network, or the far end of a call, is asked to move one (RFC 3515, RFC 7647),
// and what their NOTIFYs tell. Lives on the SIP thread.
class ReferClient {
 public:
  // The confirmed dialog of a call; null where there is none any more.
  using FindDialog = std::function<Dialog*(const call::CallId& id)>;

  ReferClient(ShardContext& context, RegistrationClient& registrations, FindDialog find_dialog);
  ~ReferClient();

  // Its outcome comes by SipSignalingObserver::OnReferred, which is told of each once with 200 or more.
  void Refer(call::OutgoingReferral referral);
  // What still comes of it is answered with 481.
  void Leave(const call::CallId& id);
  // A NOTIFY of one of them? Within a call's dialog it has passed that dialog's check of CSeq.
  bool Knows(const MessageView& notify) const { return Find(notify) != nullptr; }
  void HandleNotify(ServerTransaction& transaction, const MessageView& notify);

 private:
  // Whoever has taken the REFER up: several may, where it was forked (RFC 3515 section 2.4.4).
  struct Report {
    uint32_t cseq = 0;
    bool is_over = false;
  };
  struct Pending;

  Pending* Find(const MessageView& notify) const;
  void Send(Pending& pending, const std::string& authorization);
  std::optional<RequestText> BuildRequest(Pending& pending);
  void HandleResponse(const call::CallId& id, int status, const MessageView& response);
  void AwaitNotify(Pending& pending, std::chrono::milliseconds patience);
  void Tell(const call::CallId& id, int status, const std::string& phrase);
  void Finish(const call::CallId& id, int status, const std::string& phrase);

  ShardContext& context_;
  RegistrationClient& registrations_;
  const FindDialog find_dialog_;
  std::map<call::CallId, std::unique_ptr<Pending>> pending_;
  std::vector<std::unique_ptr<Pending>> over_;  // until the stack has unwound
};

}  // namespace byon::sip
