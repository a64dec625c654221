#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "controlplane/call/call.h"

namespace byon::call {

// A client's POST, its registration already found and checked.
struct OutgoingRequest {
  CallId id;                    // new, unguessable
  uint64_t sdp_session_id = 0;  // random
  CallOwner owner;
  SipBinding binding;
  std::string originator_address;
  std::string originator_name;
  std::string receiver_address;
  std::string receiver_name;
  std::string offer_sdp;
  bool is_emergency = false;
  std::string location;           // where the caller is, for an emergency: application/pidf+xml; may be empty
  std::string client_correlator;  // may be empty
  // A visitor's: no registration stands behind it, and how many there may be was judged already.
  bool uses_trunk = false;
  std::optional<std::chrono::seconds> max_duration{};
};

// An INVITE that reached one of our registrations.
struct IncomingRequest {
  CallId id;
  uint64_t sdp_session_id = 0;
  CallOwner owner;
  SipBinding binding;
  IncomingInvite invite;
  bool is_available = true;  // else nobody but an emergency service gets through to this device
  // Where the gateway forks: the number's devices, that of `owner` among them, and its phone.
  std::optional<ForkSetup> fork{};
};

// A client's wish to move a call from its device; checked to be the client's.
struct TransferRequest {
  CallId call_id;
  CallId phone_leg_id;                          // new
  uint64_t sdp_session_id = 0;                  // random
  std::string to_address;                       // tel: or sip:; empty: the user's own phone
  std::vector<std::string> excluded_instances;  // the user's own devices, with to_address empty
  CallId move_id{};                             // new, as phone_leg_id
  SipBinding binding{};                         // of the call's registration, as it is now
};

// A client's wish to go on here with a call that is elsewhere; both are checked to be the client's.
struct PullRequest {
  CallId call_id;
  CallId id;  // new, unguessable
  CallOwner owner;
  std::string originator_address;
  std::string offer_sdp;
};

// A client's wish to go on here with a call that the user's phone has; which one was found out, and is the user's.
struct NetworkPullRequest {
  OutgoingRequest call;  // receiver_address: who is in it
  ReplacedDialog replaces;
};

// A REFER in a call's dialog.
struct ReferralRequest {
  CallId call_id;
  CallId leg_id;                // new
  uint64_t sdp_session_id = 0;  // random
  Referral referral;
};

struct CallAction {
  CallId call_id;
  Action action;
};

// A device's registration has got its first live call, or its last one is over or has left the device.
struct RegistrationUse {
  std::string registration_id;
  bool is_in_use = false;
};

// All calls: what may start, who is busy, when the next timer is due. Inputs leave actions behind;
// the owner polls until there are none. Inputs for an unknown call are ignored. Sans-IO.
class CallRegistry {
 public:
  explicit CallRegistry(CallConfig config);

  // Refuses by CompleteRequest: emergency calls where they are not routed, malformed addresses or SDP, too many calls.
  void CreateOutgoing(OutgoingRequest request, RequestId id, Now now);
  // Also called for a call that is refused at once: the refusal is an action.
  void CreateIncoming(IncomingRequest request, Now now);
  void Restore(CallRecord record, Now now);

  void ChangeStatus(const CallId& id, const StatusRequest& request, RequestId request_id, Now now);
  void Delete(const CallId& id, RequestId request_id, Now now);
  // Sets up the leg towards the phone; how it goes on is told by NotifyTransfer.
  void Transfer(TransferRequest request, RequestId request_id, Now now);
  void CancelTransfer(const CallId& id, RequestId request_id, Now now);
  // Completes with the new call.
  void Pull(PullRequest request, RequestId request_id, Now now);
  void PullFromNetwork(NetworkPullRequest request, RequestId request_id, Now now);
  // Answered by AnswerReferral: where the network wants a call to go is judged like what a user dials.
  void Refer(ReferralRequest request, Now now);
  // Which call has the dialog that the signalling knows by this name, and the other way round.
  CallId SignalledCall(const CallId& signalling_id) const;
  CallId SignallingIdOf(const CallId& id) const;
  // Ends every call of a registration, for instance because it has ended; those that have left its device
  // go on: their media and their dialogs need it no more.
  void EndCallsOf(const std::string& registration_id, const std::string& reason, Now now);
  void EndAll(const std::string& reason, Now now);
  // Those that nobody has answered: with the process their INVITE transactions go, and who rings would ring in vain.
  void EndUnanswered(const std::string& reason, Now now);

  // Hands an input of SIP or media to a call: Apply(id, [&](Call& c) { c.OnFailed(reason, now); }).
  void Apply(const CallId& id, const std::function<void(Call&)>& input);
  // A final response 380 says that the call's number is an emergency one; of which service, where it said so.
  void LearnEmergencyNumber(const CallId& id, const std::string& service_urn);
  // The network asserts who has the call (P-Asserted-Identity of a response).
  void OnAsserted(const CallId& id, const std::string& uri);
  // Would a call there be one for help?
  bool IsEmergency(const std::string& receiver_address) const;

  void HandleTimeout(Now now);
  Deadline NextDeadline() const;
  std::optional<CallAction> PollAction();
  // The same for what these changed; to be asked for until there are none.
  std::optional<RegistrationUse> PollUse();

  const Call* Find(const CallId& id) const;  // ended calls too, for as long as their tombstone stands
  std::vector<const Call*> FindByRegistration(const std::string& registration_id) const;
  // Of all its users.
  std::vector<const Call*> FindByClient(const std::string& client_id) const;
  size_t active_count() const { return active_count_; }
  bool is_full() const { return config_.max_calls != 0 && active_count_ >= config_.max_calls; }

 private:
  void Adopt(std::unique_ptr<Call> call);
  void Touch(Call& call);
  void CountUse(const std::string& registration_id, bool is_used);
  void Remove(const CallId& id);
  using Index = std::unordered_map<std::string, std::set<CallId>>;
  uint32_t CountActive(const Index& index, const std::string& key) const;
  std::optional<Refusal> CheckOutgoing(const OutgoingRequest& request) const;
  std::optional<Refusal> CheckTarget(const std::string& address) const;
  std::optional<Refusal> CheckQuota(const OutgoingRequest& request) const;
  std::optional<OutgoingSetup> SetUp(OutgoingRequest request, std::string target_uri, Refusal& refusal) const;
  void MoveByNetwork(Call& call, TransferRequest request, Now now);
  void LeavePath(Call& call, const Call& leg, Now now);
  void GiveReferredDialog(Call& leg, const TellPartner& news);
  std::optional<Refusal> CheckEmergency(const OutgoingRequest& request) const;
  bool RingsAnyway(const IncomingRequest& request) const;
  bool IsBusy(const CallOwner& owner, const std::string& impu, const std::string& sip_call_id) const;
  void CreateFork(IncomingRequest request, IncomingSetup setup, Now now);
  void StartBranches(const Call& fork, Now now);
  bool GiveForkedDialog(const CallId& branch, const CallId& fork);
  void TellFork(const CallId& id, ForkStep step);
  void RejectIncoming(const CallId& id, int status_code, const std::string& phrase);
  void Refuse(const CallId& id, RequestId request, Refusal refusal);
  void Deliver(const CallId& from, const TellPartner& news);
  void DeliverAll();
  bool RefusesOwnTransfer(const IncomingRequest& request);

  struct Entry {
    std::unique_ptr<Call> call;
    Deadline deadline = kNoDeadline;
    bool is_counted = false;  // in active_count_
    bool is_use = false;      // of its registration
    std::string impu{};       // in by_number_
  };

  const CallConfig config_;
  const Negotiators negotiators_;
  std::vector<std::string> emergency_numbers_;  // the learnt ones too
  std::map<std::string, std::string> emergency_services_;
  std::unordered_map<CallId, Entry> calls_;
  // Ended calls too: owner.client_id + user; registration_id; client_id; IMPU as it was at first.
  std::unordered_map<std::string, std::set<CallId>> by_user_;
  std::unordered_map<std::string, std::set<CallId>> by_registration_;
  std::unordered_map<std::string, std::set<CallId>> by_client_;
  std::unordered_map<std::string, std::set<CallId>> by_number_;  // by IMPU
  size_t active_count_ = 0;
  std::unordered_map<std::string, size_t> uses_;  // live calls on the device, by registration
  std::deque<RegistrationUse> changed_uses_;
  std::set<std::pair<Deadline, CallId>> deadlines_;
  std::deque<CallAction> actions_;
  std::unordered_map<CallId, CallId> dialog_owners_;  // of dialogs that began as another call
  std::set<CallId> phone_legs_;
  std::unordered_map<CallId, CallId> pulls_;  // of a call, the last device that wanted it
  std::deque<std::pair<CallId, TellPartner>> news_;
  bool is_delivering_ = false;
};

}  // namespace byon::call
