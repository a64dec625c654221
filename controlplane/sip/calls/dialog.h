#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "controlplane/sip/calls/accepted_invite.h"
#include "controlplane/sip/request_credentials.h"
#include "controlplane/sip/shard_context.h"
#include "controlplane/sip/text/dialog_state.h"

namespace byon::sip {

// One dialog of a call: its requests in both directions, offer and answer with their glare rules
// (RFC 3261 section 14, RFC 3311) and the session timer (RFC 4028). The initial INVITE and its
// responses belong to OutgoingCall and IncomingCall.
class Dialog {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void OnRemoteOffer(Dialog& dialog, std::optional<std::string> sdp) = 0;
    virtual void OnRemoteAnswer(Dialog& dialog, std::string sdp) = 0;
    virtual void OnOfferFailed(Dialog& dialog, int status) = 0;
    virtual void OnEarlyMedia(Dialog& dialog, std::string directions) = 0;
    // What was to be offered waited for an exchange of the peer's, and is older than it now: it was not sent. Or what
    // was to be answered was not wanted any more.
    virtual void OnOfferStale(Dialog& dialog) = 0;
    // The final response to SendLocation.
    virtual void OnLocationAnswered(Dialog& dialog, int status) = 0;
    virtual void OnReferral(Dialog& dialog, call::Referral referral) = 0;
    // Its last NOTIFY is answered, or nobody wants one.
    virtual void OnReferralOver(Dialog& dialog) = 0;
    virtual void OnDigit(Dialog& dialog, char digit, int duration_ms) = 0;
    virtual void OnDialogChanged(Dialog& dialog) = 0;
    // BYE of the peer, or the dialog is dead (no BYE needs to follow). The owner may not destroy the
    // dialog before the call stack has unwound.
    virtual void OnDialogEnded(Dialog& dialog, call::EndReason reason) = 0;
  };

  Dialog(ShardContext& context, Owner& owner, DialogState state);

  DialogState& state() { return state_; }
  const DialogState& state() const { return state_; }
  const std::string& id() const { return state_.remote_tag; }

  // Offers may go out as UPDATE from now on (the initial exchange is complete).
  void OpenForOffers();
  // The 200 has been sent or received: re-INVITE may be used, the session timer runs.
  void Confirm(SessionTimer timer);
  // The same for a dialog of an earlier process. Nobody knows when the session was refreshed last: where that is ours
  // to do it is done soon, within an eighth of the interval.
  void Resume(SessionTimer timer);
  bool is_confirmed() const { return is_confirmed_; }
  bool is_over() const { return is_over_; }
  // An offer of either side waits for its answer, or the answer for its ACK.
  bool is_negotiating() const { return local_offer_ || remote_offer_ || accepted_ != nullptr; }

  void SendOffer(std::string sdp);
  // SipSignaling::SendLocation. One that waits for its turn gives way to the next, which is younger.
  void SendLocation(std::string document);
  // No SDP: 488 for an offer, or 500 for an offerless re-INVITE.
  void SendAnswer(std::optional<std::string> sdp);
  // `done` runs when the BYE is answered or given up.
  void SendBye(const call::EndReason& reason, std::function<void()> done);
  // Digits of 0-9 * # A-D by INFO, one each, the next when the last was answered (application/dtmf-relay). The first
  // that is refused ends them; 64 wait at most.
  void SendDigits(const std::string& digits);
  // SipSignaling::AnswerReferral and ReportReferral.
  void AnswerReferral(int status);
  void ReportReferral(int status, const std::string& phrase);
  // A REFER was taken up, and its end is still to be told: the dialog is needed even after a BYE.
  bool has_referral() const { return refer_ != nullptr && !refer_->is_over && refer_->transaction == nullptr; }
  void SendAck(uint32_t cseq, const std::string& authorization = {});
  // `done` runs with the final status of the PRACK.
  void SendPrack(uint32_t rseq, uint32_t invite_cseq, std::function<void(int status)> done);

  // In-dialog requests but CANCEL, ACK and the PRACK of an initial INVITE.
  void HandleRequest(std::unique_ptr<ServerTransaction> transaction, const MessageView& request);
  void HandleAck(const MessageView& ack);
  // A 2xx to one of our re-INVITEs that came again, because the ACK was lost, or to one of an earlier process.
  void HandleRepeatedAnswer(const MessageView& response);
  // A PRACK that carries an offer: answered through SendAnswer. False when it had to be refused.
  void HandleOfferInPrack(std::unique_ptr<ServerTransaction> transaction, std::string sdp);
  // False (answered with 500) when the CSeq runs backwards, RFC 3261 section 12.2.2.
  [[nodiscard]] bool AcceptSequence(ServerTransaction& transaction, const MessageView& request);
  // Remote target, Allow and Supported of a target refresh request or response.
  void UpdateFrom(const MessageView& message);
  // The peer's Session-ID (RFC 7989), which may change in mid-call.
  void LearnSessionId(const MessageView& message);

  // The peer has named the option tag (RFC 3312 section 11).
  bool peer_knows_preconditions() const { return peer_knows_preconditions_; }
  // With another network: what a UE says of its access is none of its business.
  bool is_over_interconnection() const;

  // Our next request in this dialog; Authorization and body are added by the caller.
  RequestText NewRequest(const std::string& method);

 private:
  struct LocalOffer {
    std::string sdp;  // empty: a session refresh by UPDATE
    bool is_invite = false;
    bool is_refresh = false;  // nobody but the session timer asked for it
    bool is_stale = false;    // the peer's exchange came between
    std::string location{};   // is_refresh: the UPDATE says where the caller is
    int glare_retries = 0;
    uint32_t cseq = 0;
    RequestCredentials credentials{};
    std::string authorization;  // of the last attempt, and of its ACK
  };
  struct RemoteOffer {
    std::unique_ptr<ServerTransaction> transaction;
    std::string method;
    uint32_t cseq = 0;
    bool is_offerless = false;  // our answer is an offer, theirs comes in the ACK
    std::optional<std::string> sdp;
    SessionTimerAnswer timer;
  };

  struct Refer {
    std::unique_ptr<ServerTransaction> transaction;  // until it is answered
    std::string event;
    bool is_silent = false;                              // norefersub, RFC 4488
    std::optional<std::pair<int, std::string>> pending;  // to be told next
    std::unique_ptr<ClientTransaction> notify;           // under way
    bool is_final = false;
    bool is_over = false;
  };

  void HandleRefer(std::unique_ptr<ServerTransaction> transaction, const MessageView& request);
  void SendReferralNotify(const std::string& authorization);
  void FlushReferral();
  void EndRefer();
  void TransmitPrack(const std::string& rack, RequestCredentials credentials, std::function<void(int)> done);
  void SendNextDigit();
  void SendDigit(char digit, const std::string& authorization);
  void HandleInfo(ServerTransaction& transaction, const MessageView& request);
  bool RefuseFlood(ServerTransaction& transaction);
  void StartOffer(LocalOffer offer);
  void TransmitOffer();
  void HandleOfferResponse(int status, const MessageView& response);
  void HandleOfferAccepted(const LocalOffer& offer, const MessageView& response);
  bool RetryOffer(int status, const MessageView& response);
  void FailOffer(const LocalOffer& offer, int status);
  void StartQueuedOffer();

  void HandleRemoteOffer(std::unique_ptr<ServerTransaction> transaction, const MessageView& request);
  bool RefuseGlare(ServerTransaction& transaction, const MessageView& request);
  void AwaitAnswer();
  void AcceptRemote(const std::string& body);
  void RefuseRemote(int status);
  std::string AnswerHeaders(const SessionTimerAnswer& timer, const std::string& sdp) const;

  void Close();
  void ReadEarlyMedia(const MessageView& message);
  void ApplyTimer(SessionTimer timer);
  void Refresh();
  void Expire();
  void End(call::EndReason reason);

  ShardContext& context_;
  Owner& owner_;
  DialogState state_;
  // Of the peer's requests, of which the app hears: as many as may come at once, and when that was so.
  double pace_left_;
  SipThread::Clock::time_point pace_at_;
  bool may_offer_ = false;
  bool is_confirmed_ = false;
  bool is_over_ = false;
  bool peer_knows_preconditions_ = false;

  std::optional<LocalOffer> local_offer_;
  std::optional<std::string> queued_offer_;
  std::optional<std::string> queued_location_;
  bool is_queue_stale_ = false;
  std::unique_ptr<ClientTransaction> offer_transaction_;
  ScopedTimer offer_timer_;
  std::optional<uint32_t> last_offer_rseq_;                 // reliable 1xx of a re-INVITE
  std::optional<uint32_t> acknowledged_cseq_;               // of our last re-INVITE, for repeated 200s
  uint32_t earlier_cseq_ = 0;                               // up to here our requests are an earlier process's
  bool has_settled_earlier_ = false;                        // and what an answer to them left open
  std::unique_ptr<ClientTransaction> acknowledged_invite_;  // kept to catch them
  std::unique_ptr<ClientTransaction> prack_transaction_;
  std::string digits_;  // still to be sent
  std::unique_ptr<ClientTransaction> info_transaction_;

  std::unique_ptr<Refer> refer_;  // the last one
  int refer_count_ = 0;

  std::optional<RemoteOffer> remote_offer_;
  ScopedTimer answer_timer_;
  std::unique_ptr<AcceptedInvite> accepted_;
  bool is_answer_in_ack_ = false;

  std::unique_ptr<ClientTransaction> bye_transaction_;
  bool is_bye_challenged_ = false;
  ScopedTimer session_timer_;
  std::chrono::seconds min_se_;
};

}  // namespace byon::sip
