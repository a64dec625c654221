#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controlplane/sip/registrations/binding_table.h"
#include "controlplane/sip/registrations/reg_event_client.h"
#include "controlplane/sip/registrations/renewal_queue.h"
#include "controlplane/sip/shard_context.h"

namespace byon::sip {

// The REGISTER side of one shard: bindings at rest in a table, a record for each that is being registered or
// de-registered, nothing kept in the stack between transactions (TS 24.229 section 5.1.1).
class RegistrationClient : private RegEventClient::Bindings {
 public:
  explicit RegistrationClient(ShardContext& context);

  void Register(const registration::SipRegistration& registration);
  void Deregister(const registration::RegistrationId& id);
  void Restore(const registration::SipRegistration& registration, const registration::SipRegistered& registered);

  // Is this the user part of one of our Contacts?
  bool KnowsToken(const std::string& token) const { return !bindings_.IdOfToken(token).empty(); }
  // The private identity behind a binding; empty when it is gone.
  std::string ImpiOf(const registration::RegistrationId& id) const;
  std::string ImpiOfToken(const std::string& token) const;
  ShardContext::DialogContact DialogContactOf(const std::string& token) const;
  // In the place of a P-CSCF (kTrustedNode): who answers at this token, called by `called_uri`, as a header value (TS
  // 24.229 section 5.2.6.4.4). Empty for a UE, which may assert nothing.
  std::string AssertedIdentityOf(const std::string& token, const std::string& called_uri) const;
  // The P-CSCF that serves the binding of this token.
  std::string NextHopOf(const std::string& token) const;
  // URIs that may sign a 504 restoration: Path and Service-Route (TS 24.229 section 5.1.2A.1.6).
  std::vector<std::string> RestorationUris(const registration::RegistrationId& id) const;
  // Whether one of these says to have made the response: a callee can answer so too.
  bool IsOfOwnWay(const registration::RegistrationId& id, const MessageView& response) const;
  // The network lost this binding: the next REGISTER is an initial one (TS 24.229 5.1.2A.1.6).
  void RequireInitial(const registration::RegistrationId& id);

  // An answer to a request of this registration: where a node of its own route asks for it (504, TS 24.229 section
  // 5.1.2A.1.6), it registers anew at once. Not from within the transaction's answer.
  void HeedRestoration(const registration::RegistrationId& id, const MessageView& response);

  // This P-CSCF is gone: what is registered through it registers anew through another, not all at once (TS 23.380).
  void MoveAwayFrom(size_t hop);
  // The list is another one: what waited for it goes on, what is registered through one that is gone moves.
  void HandleHopsChanged();
  std::set<size_t> HopsInUse() const;
  // The connection to this P-CSCF broke, and with it the way of calls to the numbers registered through it: they
  // register anew, not all at once and not before `earliest` (RFC 5626 section 4.2.2).
  void RenewThrough(size_t hop, std::chrono::milliseconds earliest);

  // A NOTIFY outside of calls; false when no subscription matches.
  bool HandleNotify(ServerTransaction& transaction, const MessageView& request) {
    return reg_events_.HandleNotify(transaction, request);
  }

 private:
  enum class Operation { kIdle, kRegister, kDeregister };
  struct Record : Binding {
    Operation operation = Operation::kIdle;
    Operation next_operation = Operation::kIdle;  // asked for while another one was under way
    std::chrono::seconds expires{0};              // of this operation, after any 423
    std::string authorization;                    // answer to the last challenge, for the request at hand
    int challenges = 0;                           // in this operation
    int wrong_answers = 0;
    int invalid_challenges = 0;  // one after the other: out of sequence, or not the network's
    bool has_proved = false;     // the request under way has an answer to the last challenge
    int interval_retries = 0;
    std::vector<size_t> hops_tried;
    std::unique_ptr<ClientTransaction> transaction;
    std::unique_ptr<ScopedTimer> deadline;
  };

  // The binding as it is now, at work or at rest.
  std::optional<Binding> Peek(const registration::RegistrationId& id) const override;
  std::optional<Binding> PeekToken(const std::string& token) const { return Peek(bindings_.IdOfToken(token)); }
  void Change(const registration::RegistrationId& id, const std::function<void(Binding&)>& change) override;
  registration::RegistrationId IdOfToken(const std::string& token) const override { return bindings_.IdOfToken(token); }
  std::vector<registration::RegistrationId> IdsOf(BindingTable::Ticket ticket) const override {
    return bindings_.IdsOf(ticket);
  }
  void OnContactDoubtful(const registration::RegistrationId& id) override;
  void OnContactTerminated(const registration::RegistrationId& id, registration::SipDeregistered deregistered) override;
  void OnSubscribeFailed(const registration::RegistrationId& id, const MessageView& response) override {
    HeedRestoration(id, response);
  }
  bool IsAtRest(const registration::RegistrationId& id) const { return !records_.contains(id); }
  // Takes it to work; null when there is none.
  Record* Take(const registration::RegistrationId& id);
  Record& TakeOrMake(const registration::SipRegistration& registration);
  // Registers again what is registered through this P-CSCF, and still is when its turn comes.
  void RegisterLater(RenewalQueue::Reason reason, std::chrono::milliseconds earliest);
  void RenewThose();
  void CheckDoubtful();
  void Renew(const RenewalQueue::Renewal& renewal);
  void Start(Record& record, Operation operation);
  void WaitForHops(Record& record);
  void Send(Record& record);
  std::string BuildHeaders(Record& record);
  // An answer to the last challenge for one more request; empty without one.
  std::string Reauthorization(Record& record);
  void HandleResponse(const std::string& id, int status, const MessageView& response);
  void HandleChallenge(Record& record, const MessageView& response);
  void HandleAccepted(Record& record, const MessageView& response);
  void HandleLacksOutbound(Record& record, const MessageView& response);
  void HandleIntervalTooBrief(Record& record, const MessageView& response);
  void UseHop(Record& record, size_t hop);
  void ReportHop(const Record& record, const MessageView& response);
  void TryNextHop(Record& record, int status, const MessageView& response);
  void Fail(Record& record, int status, const MessageView& response, bool is_final);
  void FinishDeregister(Record& record);
  void Finish(Record& record);
  void Forget(registration::RegistrationId id);
  std::string Snapshot(const Binding& binding) const;

  ShardContext& context_;
  BindingTable bindings_;
  std::map<registration::RegistrationId, Record> records_;  // at work
  RegEventClient reg_events_;
  RenewalQueue renewals_;
  ScopedTimer renewal_timer_;
  std::set<registration::RegistrationId> waiting_for_hops_;
  std::deque<std::pair<SipThread::Clock::time_point, BindingTable::Ticket>> doubtful_;  // in the order of their times
  ScopedTimer doubt_timer_;
};

}  // namespace byon::sip
