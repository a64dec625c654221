#pragma once

#include <map>
#include <memory>
#include <string>

#include "controlplane/sip/calls/call.h"
#include "controlplane/sip/request_credentials.h"

namespace byon::sip {

// A call that we place: the INVITE with all its forks, up to the one that answers. Afterwards it is a
// Call like any other.
class OutgoingCall : public Call {
 public:
  OutgoingCall(ShardContext& context, CallTable& table, uint64_t key);
  ~OutgoingCall() override;

  void Start(call::OutgoingInvite invite);
  void Cancel(const call::EndReason& reason) override;
  void Bye(const call::EndReason& reason) override;
  bool HandleStrayAnswer(const MessageView& response) override;
  bool MayReplaceEarly() const override { return state_ == State::kCalling && transaction_ != nullptr; }

 protected:
  void EndReplaced(Dialog& old) override;

 private:
  // Cancelled and failed calls stay until the last answer of a fork can have come.
  enum class State { kCalling, kCancelling, kAnswered, kOver };
  struct Fork {
    std::optional<uint32_t> last_rseq;
    bool has_reliable_answer = false;  // an SDP answer in a reliable 18x
    bool is_ended = false;             // answered after another one: ACK and BYE
  };

  // A call that chooses its next hop itself (outgoing_hops.cc); all others take their registration's.
  struct Choice {
    const std::vector<std::string>* uris = nullptr;
    HopHealth* health = nullptr;
  };
  bool has_choice() const { return choice_.uris != nullptr; }
  void ApplyTrunk();
  void ApplyEmergency();
  // Begins such a call, or begins it anew, at the best hop that it has not tried; false when there is none.
  bool UseNextHop();
  bool LeaveHop(std::optional<std::chrono::seconds> retry_after, bool is_over);
  void HandleLeftHop(size_t trial, int status);
  // Where the caller is, beside the offer (outgoing_emergency.cc).
  bool has_location() const { return invite_.emergency && !invite_.emergency->location.empty(); }
  std::string LocationId() const;
  std::string MultipartType() const;
  std::string BodyWithLocation() const;
  void TellAsserted(const MessageView& response);
  void TellNames(const std::string& charging_id);
  void TellDiverted(int status, const MessageView& response);
  void Name();
  void SendInvite();
  std::string Extensions() const;
  std::string BuildHeaders();
  void AddIdentity(std::string& headers);
  void HandleResponse(int status, const MessageView& response);
  void HandleProgress(int status, const MessageView& response);
  void HandleAnswer(const MessageView& response);
  void HandleFailure(int status, const MessageView& response);
  call::EndReason ReasonOfSilence(call::EndReason otherwise);
  void ReportBusiness(int status, const MessageView& response);
  bool Retry(int status, const MessageView& response);
  void EndFork(Dialog& dialog, Fork& fork, uint32_t cseq);
  Dialog& DialogOf(const MessageView& response);
  // Gives an early dialog up, which may still be answered: then its requests are numbered on (RFC 3261
  // section 12.2.1.1).
  void LeaveDialog(const std::string& tag);
  void Fail(call::EndReason reason);
  call::EndReason ReasonOf(int status, const MessageView& response) const;

  call::OutgoingInvite invite_;
  std::string impi_;
  std::string sip_call_id_;
  std::string session_id_;
  std::string local_tag_;
  std::string local_address_;
  std::string contact_;
  std::vector<std::string> routes_;
  Choice choice_;
  std::vector<size_t> hops_tried_;                                 // of the choice; the last is in use
  std::string asserted_;                                           // who has the call, as last told
  std::string own_charging_id_;                                    // of the call: one for all attempts
  std::pair<std::string, std::string> names_;                      // Call-ID and icid, as last told
  std::pair<std::vector<call::Diversion>, std::string> diverted_;  // as last told
  uint32_t cseq_ = 0;
  uint32_t left_cseq_ = 0;  // the highest of the dialogs that were left
  State state_ = State::kCalling;
  bool is_without_preconditions_ = false;  // the offer lost them on the way
  bool has_response_ = false;
  call::EndReason cancel_reason_;
  std::chrono::seconds session_expires_;
  std::chrono::seconds min_se_;
  RequestCredentials credentials_;
  std::string authorization_;          // of the last INVITE, and of its ACK
  std::map<std::string, Fork> forks_;  // by To tag
  std::unique_ptr<ClientTransaction> transaction_;
  std::map<size_t, std::unique_ptr<ClientTransaction>> left_;  // at hops that said nothing, cancelled; by trial
  ScopedTimer timer_;
};

}  // namespace byon::sip
