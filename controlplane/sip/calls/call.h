#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "controlplane/sip/calls/dialog.h"
#include "controlplane/sip/calls/refer_client.h"
#include "controlplane/sip/registrations/registration_client.h"
#include "controlplane/sip/shard_context.h"

namespace byon::sip {

class CallTable;

// One call of a shard: its dialogs, and what both directions have in common. As it stands it is a
// call that was restored; OutgoingCall and IncomingCall add how a dialog comes to be.
class Call : public Dialog::Owner {
 public:
  Call(ShardContext& context, CallTable& table, uint64_t key);
  ~Call() override;

  uint64_t key() const { return key_; }
  const std::optional<call::CallId>& id() const { return id_; }

  // Takes up a confirmed dialog of an earlier process.
  void Restore(const call::CallId& id, DialogState state);

  virtual void Cancel(const call::EndReason&) {}
  virtual void SendProgress(int, std::optional<std::string>) {}
  virtual void Accept(std::string) {}
  virtual void Reject(int, const call::EndReason&) {}
  virtual void Bye(const call::EndReason& reason);
  void SendDigits(const std::string& digits);
  void SendOffer(const call::DialogId& dialog_id, std::string sdp);
  void SendLocation(const call::DialogId& dialog_id, std::string document);
  void SendAnswer(const call::DialogId& dialog_id, std::optional<std::string> sdp);

  // Null until it is answered.
  Dialog* confirmed() { return confirmed_; }
  Dialog* FindByTag(const std::string& remote_tag) { return remote_tag.empty() ? nullptr : Find(remote_tag); }
  virtual void HandleRequest(Dialog& dialog, std::unique_ptr<ServerTransaction> transaction,
                             const MessageView& request);
  virtual void HandleAck(Dialog& dialog, const MessageView& ack);
  void AnswerReferral(int status_code);
  void ReportReferral(int status_code, const std::string& phrase);
  // Only whoever has begun an early dialog lets another take it over (RFC 3891 section 3).
  virtual bool MayReplaceEarly() const { return false; }
  // An INVITE that is to replace `replaced`, a dialog of this call: `token`, of our Contact that it came to.
  void HandleReplacement(const Dialog& replaced, const std::string& token,
                         std::unique_ptr<ServerTransaction> transaction, const MessageView& request);
  // A 2xx whose INVITE transaction is over. False when it is none of this call's.
  virtual bool HandleStrayAnswer(const MessageView& response);

 protected:
  using Notification = std::function<void(call::SipSignalingObserver&, const call::CallId&)>;

  // Tells the observer about this call, unless it has no id (yet, or any more).
  void Notify(Notification notification);
  Dialog& AddDialog(DialogState state);
  void RemoveDialog(const std::string& remote_tag);
  Dialog* Find(const call::DialogId& dialog_id);
  // The call is over: it leaves the table as soon as the stack has unwound.
  void Retire();

  void OnRemoteOffer(Dialog& dialog, std::optional<std::string> sdp) override;
  void OnRemoteAnswer(Dialog& dialog, std::string sdp) override;
  void OnOfferFailed(Dialog& dialog, int status) override;
  void OnEarlyMedia(Dialog& dialog, std::string directions) override;
  void OnOfferStale(Dialog& dialog) override;
  void OnLocationAnswered(Dialog& dialog, int status) override;
  void OnReferral(Dialog& dialog, call::Referral referral) override;
  void OnReferralOver(Dialog& dialog) override;
  void OnDigit(Dialog& dialog, char digit, int duration_ms) override;
  void OnDialogChanged(Dialog& dialog) override;
  void OnDialogEnded(Dialog& dialog, call::EndReason reason) override;

  // The replacement is confirmed; what it took the place of ends.
  virtual void EndReplaced(Dialog& old);
  void RemoveLater(const Dialog& dialog);

  ShardContext& context_;
  CallTable& table_;
  const uint64_t key_;
  std::optional<call::CallId> id_;
  std::map<std::string, std::unique_ptr<Dialog>> dialogs_;  // by remote tag
  Dialog* confirmed_ = nullptr;

 private:
  void FinishReplacement();

  // A dialog that may take the place of the confirmed one, and who is there.
  Dialog* replacement_ = nullptr;
  call::Party replacing_party_;
  // Whose REFER is being carried out; it may be over before that is told.
  Dialog* referring_ = nullptr;
  bool is_over_but_referring_ = false;
};

// The calls and dialogs of a shard, and the way from a message to them.
class CallTable {
 public:
  CallTable(ShardContext& context, RegistrationClient& registrations);
  ~CallTable();

  // Commands of the call logic.
  void Invite(call::OutgoingInvite invite);
  void Restore(const call::CallId& id, DialogState state);
  Call* FindById(const call::CallId& id);
  Call* FindByKey(uint64_t key) { return Find(key); }
  // The id that the observer gave an incoming call, or its refusal.
  void AssignId(uint64_t key, const std::optional<call::CallId>& id);

  // Messages.
  void HandleInvite(std::unique_ptr<ServerTransaction> transaction, const MessageView& request);
  // False: no such dialog.
  bool HandleInDialog(std::unique_ptr<ServerTransaction>& transaction, const MessageView& request);
  void HandleAck(const MessageView& ack);
  bool HandleStrayAnswer(const MessageView& response);
  // One that no call wants: ACK and BYE (RFC 3261 section 13.2.2.4).
  void EndStrayAnswer(const MessageView& response);

  // Moving calls by the network.
  ReferClient& refers() { return refers_; }

  // For calls.
  RegistrationClient& registrations() { return registrations_; }
  void IndexId(const call::CallId& id, uint64_t key) { keys_by_id_[id] = key; }
  void IndexDialog(const DialogState& state, uint64_t key);
  void UnindexDialog(const DialogState& state);
  void IndexInvite(const std::string& call_id, uint64_t key) { invites_[call_id] = key; }
  void UnindexInvite(const std::string& call_id) { invites_.erase(call_id); }
  void Retire(uint64_t key);

  // Set by the shard: an incoming INVITE is to be shown to the observer; a call id is gone.
  std::function<void(uint64_t key, call::IncomingInvite invite)> on_incoming;
  std::function<void(call::CallId id)> on_gone;
  size_t waiting_invites = 0;  // incoming, without a final response

 private:
  Call* Find(uint64_t key);
  Dialog* FindDialog(const std::string& call_id, const std::string& local_tag, const std::string& remote_tag,
                     Call** call);
  void HandleReplaces(const std::string& token, std::unique_ptr<ServerTransaction> transaction,
                      const MessageView& request);

  ShardContext& context_;
  RegistrationClient& registrations_;
  ReferClient refers_;
  uint64_t next_key_ = 1;
  std::unordered_map<uint64_t, std::unique_ptr<Call>> calls_;
  std::unordered_map<call::CallId, uint64_t> keys_by_id_;
  std::unordered_map<std::string, uint64_t> dialogs_;  // Call-ID, local tag, remote tag
  std::unordered_map<std::string, uint64_t> invites_;  // Call-ID of our INVITEs
};

}  // namespace byon::sip
