#pragma once

#include <deque>
#include <memory>
#include <string>

#include "controlplane/sip/calls/accepted_invite.h"
#include "controlplane/sip/calls/call.h"

namespace byon::sip {

// A call that the network brings us: provisional responses, reliable where the caller can (RFC 3262),
// up to the ACK of our 200. Afterwards it is a Call like any other.
class IncomingCall : public Call {
 public:
  IncomingCall(ShardContext& context, CallTable& table, uint64_t key);
  ~IncomingCall() override;

  void Start(std::unique_ptr<ServerTransaction> invite, const MessageView& request, const std::string& token,
             SessionTimerAnswer timer);
  // What the observer said; nothing: 480.
  void AssignId(const std::optional<call::CallId>& id);

  void SendProgress(int status_code, std::optional<std::string> sdp) override;
  void Accept(std::string sdp) override;
  void Reject(int status_code, const call::EndReason& reason) override;
  void Bye(const call::EndReason& reason) override;
  void HandleRequest(Dialog& dialog, std::unique_ptr<ServerTransaction> transaction,
                     const MessageView& request) override;
  void HandleAck(Dialog& dialog, const MessageView& ack) override;

 private:
  enum class State { kRinging, kCancelled, kAccepted, kConfirmed, kOver };
  struct Provisional {
    int status = 0;
    std::optional<std::string> sdp;
    uint32_t rseq = 0;
    std::string headers;
    std::chrono::milliseconds interval{0};
    std::chrono::milliseconds waited{0};
  };

  bool IsRinging() const { return state_ == State::kRinging && id_.has_value(); }
  void SendNextReliable();
  void RepeatReliable();
  void HandlePrack(Dialog& dialog, std::unique_ptr<ServerTransaction> transaction, const MessageView& request);
  void TryAccept();
  void HandleCancel(const MessageView& cancel);
  void KeepRinging();
  void FinishWaiting();
  // With this description; `required`: option tags.
  std::string ResponseHeaders(const std::string& sdp, const std::string& required = {}) const;
  // The RAck that acknowledges a response.
  std::string RackOf(uint32_t rseq) const;
  Dialog& dialog();

  std::unique_ptr<ServerTransaction> invite_;
  std::unique_ptr<AcceptedInvite> accepted_;
  std::string remote_tag_;
  std::string asserted_;  // trusted node: P-Asserted-Identity of our 1xx and 2xx
  uint32_t cseq_ = 0;
  State state_ = State::kRinging;
  bool is_waiting_ = true;     // counts as a waiting INVITE
  bool is_offerless_ = false;  // our SDP is the offer
  bool may_be_reliable_ = false;
  bool is_sdp_settled_ = false;                   // our SDP went out in a reliable 18x that was PRACKed
  bool is_answer_awaited_ = false;                // offerless: our offer is out, theirs has not come
  std::optional<call::EndReason> cancel_reason_;  // before the observer knew the call
  std::optional<call::EndReason> bye_after_ack_;
  SessionTimerAnswer timer_answer_;

  uint32_t next_rseq_;
  std::deque<Provisional> queue_;
  std::optional<Provisional> outstanding_;  // sent reliably, PRACK awaited
  std::optional<std::string> late_rack_;    // of one that was still to be acknowledged when the call was answered
  int last_status_ = 0;
  std::optional<std::string> accept_sdp_;
  ScopedTimer prack_timer_;
  ScopedTimer ringing_timer_;
};

}  // namespace byon::sip
