#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "controlplane/sip/registrations/binding_table.h"
#include "controlplane/sip/registrations/deadline_wheel.h"
#include "controlplane/sip/registrations/reg_subscription.h"
#include "controlplane/sip/registrations/resubscribe_pace.h"
#include "controlplane/sip/shard_context.h"

namespace byon::sip {

// The subscriptions of one shard's bindings to their own registration state (TS 24.229 section 5.1.1.3). Each rests in
// its binding (Binding::reg_event), packed like the rest of it; an object there is only while a SUBSCRIBE is under way.
class RegEventClient : public RegSubscription::Owner {
 public:
  // Who has the bindings, at work or at rest.
  class Bindings {
   public:
    virtual ~Bindings() = default;
    virtual std::optional<Binding> Peek(const registration::RegistrationId& id) const = 0;
    // Changes it, wherever it is; nothing when there is none.
    virtual void Change(const registration::RegistrationId& id, const std::function<void(Binding&)>& change) = 0;
    virtual registration::RegistrationId IdOfToken(const std::string& contact_token) const = 0;
    virtual std::vector<registration::RegistrationId> IdsOf(BindingTable::Ticket ticket) const = 0;
    // Nothing newer may come that says that it is still there. Called while the subscription is on the stack, as is the
    // next.
    virtual void OnContactDoubtful(const registration::RegistrationId& id) = 0;
    virtual void OnContactTerminated(const registration::RegistrationId& id,
                                     registration::SipDeregistered deregistered) = 0;
    virtual void OnSubscribeFailed(const registration::RegistrationId& id, const MessageView& response) = 0;
  };

  RegEventClient(ShardContext& context, Bindings& bindings);

  // Now, unless there is one, or the network has refused one to this binding. One that waits for its time since a
  // restart begins now too.
  void Subscribe(const registration::RegistrationId& id);
  // After a restart: at a time of its own. The caller keeps the binding.
  void SubscribeLater(Binding& binding);
  // What is under way for a binding whose reg_event is gone.
  void Drop(const registration::RegistrationId& id) { at_work_.erase(id); }
  // False when no subscription matches.
  bool HandleNotify(ServerTransaction& transaction, const MessageView& request);

 private:
  EventSubscription::Target SubscriptionTargetOf(const std::string& id) const override;
  void OnDocument(const std::string& id, const Reginfo& document) override;
  void OnSubscribeFailed(const std::string& id, const MessageView& response) override {
    bindings_.OnSubscribeFailed(id, response);
  }
  void OnSubscriptionWaiting(const std::string& id) override;

  RegSubscription& Wake(const registration::RegistrationId& id, SubscriptionState state);
  void Rest(const registration::RegistrationId& id, SubscriptionState state);
  void SendDue();
  void ArmTimer();

  ShardContext& context_;
  Bindings& bindings_;
  std::unordered_map<registration::RegistrationId, std::unique_ptr<RegSubscription>> at_work_;
  DeadlineWheel wheel_;
  ResubscribePace restored_pace_;
  const SipThread::Clock::time_point began_ = SipThread::Clock::now();
  SipThread::Clock::time_point armed_for_ = SipThread::Clock::time_point::max();
  ScopedTimer timer_;
};

}  // namespace byon::sip
