#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tools/simphone/call_media.h"
#include "tools/simphone/dialog.h"
#include "tools/simphone/phone_config.h"
#include "tools/simphone/registration.h"
#include "tools/simphone/transaction_layer.h"

namespace byon::simphone {

// What every call of a phone shares.
struct CallContext {
  const PhoneConfig& config;
  TransactionLayer& transactions;
  const Registration& registration;
  std::function<void(nlohmann::json)> emit;
};

// What both kinds of call do once a dialog stands: hang up, hold, re-offer, session timer.
class Call {
 public:
  Call(CallContext& context, std::string id);
  virtual ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  const std::string& id() const { return id_; }
  bool is_ended() const { return is_ended_; }
  bool is_talking() const { return is_confirmed_ && !is_ended_; }
  const Dialog& dialog() const { return dialog_; }
  virtual bool is_initiator() const { return false; }
  CallMedia& media() { return media_; }

  virtual bool Owns(const SipMessage& request) const = 0;
  // A request inside the call: BYE, INVITE, UPDATE, PRACK, CANCEL, INFO.
  void HandleRequest(const ServerTransactionPtr& transaction);
  void HandleAck(const SipMessage& ack);

  // Ends the call in whatever state it is: CANCEL, failure response or BYE with this Reason.
  virtual void Hangup(const std::string& reason) = 0;
  void Hold();
  void Resume();
  // Offers again with other codecs, and from another port when asked.
  void Reoffer(const std::optional<CodecPreferences>& codecs, bool moves_port);
  // Sends the other side to `to` (REFER); with `replaced` it takes the place of that call there.
  void Refer(const std::string& to, const Call* replaced, bool is_silent);
  // Is this INVITE to take the place of this call's dialog (RFC 3891)?
  bool IsReplacedBy(const SipMessage& invite) const;
  // Goes on with whoever sent it, with the same audio, and ends the old dialog.
  void Replace(const ServerTransactionPtr& transaction);
  void EmitStatistics(bool restarts_gap);

 protected:
  virtual void HandlePrack(const ServerTransactionPtr& transaction);
  virtual void HandleCancel(const ServerTransactionPtr& transaction);
  virtual void HandlePreconditions(const Preconditions& /*remote*/) {}
  void Emit(const char* event, nlohmann::json fields);
  void End(const char* event, nlohmann::json fields);
  void SendBye(const std::string& reason);
  void Respond(const ServerTransactionPtr& transaction, int status, const std::string& reason);
  std::string ContactHeader() const;

  // The 2xx just sent waits for its ACK, which may carry the answer to our offer.
  void ExpectAck(ServerTransactionPtr transaction) { unacknowledged_ = std::move(transaction); }
  void ExpectAnswerInAck() { answer_comes_in_ack_ = true; }

  // Session timer, RFC 4028.
  void StartSessionTimer(const SipMessage& message, bool is_uac);

  CallContext& context_;
  std::string id_;
  CallMedia media_;
  Dialog dialog_;
  bool is_confirmed_ = false;
  bool is_ended_ = false;

 private:
  void HandleOffer(const ServerTransactionPtr& transaction);
  void HandleNotify(const ServerTransactionPtr& transaction);
  void HandleBye(const ServerTransactionPtr& transaction);
  void SendReinvite(const char* event);
  void RefreshSession();
  void EmitMediaChange(const AudioDescription& remote);

  ServerTransactionPtr unacknowledged_;  // an INVITE answered with 2xx whose ACK is not here yet
  bool answer_comes_in_ack_ = false;     // the 200 carried our offer
  bool is_reinvite_open_ = false;        // our own
  MediaDirection remote_direction_ = MediaDirection::kSendRecv;
  EventLoop::TimerId session_timer_ = 0;
  int session_expires_s_ = 0;
};

// A call that the phone makes. Every fork of it is an early dialog of its own.
class OutgoingCall : public Call {
 public:
  OutgoingCall(CallContext& context, std::string id, const std::string& to);
  bool is_initiator() const override { return true; }
  bool Owns(const SipMessage& request) const override;
  void Hangup(const std::string& reason) override;

 private:
  struct EarlyDialog {
    Dialog dialog;
    uint32_t last_rseq = 0;
    std::string answer;
    bool was_updated = false;
  };
  void SendInvite(const std::string& to);
  void Receive(const SipMessage& response);
  void ReceiveProvisional(const SipMessage& response);
  void ReceiveAnswer(const SipMessage& response);
  void SendPrack(EarlyDialog& early, const SipMessage& response);
  void ConfirmResources(const std::string& tag);
  void ReceiveFinal(const SipMessage& response);

  std::string branch_;
  uint32_t invite_cseq_ = 0;
  bool is_cancelled_ = false;
  std::map<std::string, EarlyDialog> early_;  // by remote tag
};

// A call that came in.
class IncomingCall : public Call {
 public:
  IncomingCall(CallContext& context, std::string id, ServerTransactionPtr invite);
  // What the configuration says is done at once: ring, early media, reject, answer later.
  void Start();
  bool Owns(const SipMessage& request) const override;
  void Hangup(const std::string& reason) override;

  void Ring();
  void PlayEarlyMedia();
  void Answer();
  void Reject(int status, const std::string& reason);

 protected:
  void HandlePrack(const ServerTransactionPtr& transaction) override;
  void HandleCancel(const ServerTransactionPtr& transaction) override;
  void HandlePreconditions(const Preconditions& remote) override;

 private:
  void EmitIncoming();
  bool PrepareAnswer();
  // Sends now or, while another reliable one waits for its PRACK, after it (RFC 3262 section 3).
  void SendProvisional(int status, const std::string& reason, bool with_sdp);
  void Alert();

  struct Provisional {
    int status;
    std::string reason;
    bool with_sdp;
  };
  ServerTransactionPtr invite_;
  bool is_reliable_ = false;
  uint32_t rseq_ = 0;
  bool awaits_prack_ = false;
  std::vector<Provisional> queue_;
  bool is_answer_queued_ = false;
  bool was_sdp_sent_reliably_ = false;
  bool are_resources_ready_ = true;
  std::string answer_sdp_;
  EventLoop::TimerId answer_timer_ = 0;
};

}  // namespace byon::simphone
